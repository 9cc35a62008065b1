"""A crash at any moment leaves the old or the new policy: kills an apply at random moments.

After each kill the kernel's rules are read with nft, each set in its place, and what packets can reach is
compared with what the same policy leaves when nobody is killed. Sets of an apply that was cut off may lie
about; what counts is what the rules refer to. Then the next apply must work, and leave nothing behind.

usage: kills.py GATEHOUSE NAMESPACE FOLDER KILLS SEED
"""
import json, os, random, signal, subprocess, sys, time

gatehouse, namespace, folder, kills, seed = sys.argv[1:4] + [int(sys.argv[4]), int(sys.argv[5])]
inside = ["ip", "netns", "exec", namespace]
environment = os.environ | {"GATEHOUSE_STATE": f"{folder}/state"}


def run(*arguments, check=True):
    done = subprocess.run(inside + list(arguments), capture_output=True, text=True, env=environment)
    if check and done.returncode not in (0, 1):
        sys.exit(f"{arguments} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def elements(thing):
    """Of a set or a map, in an order that does not depend on who loaded it; without what is left of times."""
    def plain(value):
        if isinstance(value, dict):
            if "elem" in value: return plain(value["elem"]["val"])
            return {key: plain(inner) for key, inner in value.items()}
        return [plain(inner) for inner in value] if isinstance(value, list) else value
    return sorted(json.dumps(plain(e), sort_keys=True) for e in thing.get("elem", []))


def reached():
    """Every rule that a packet can meet, from the base chain on, with the elements of the sets it names."""
    listing = run("nft", "-j", "list", "ruleset").stdout
    things = [t for t in json.loads(listing)["nftables"] if "metainfo" not in t]
    if not things: return "nothing"
    sets = {t[k]["name"]: t[k] for t in things for k in ("set", "map") if k in t}
    rules, hooks = {}, []
    for thing in things:
        if "rule" in thing: rules.setdefault(thing["rule"]["chain"], []).append(thing["rule"]["expr"])
        if "chain" in thing and "hook" in thing["chain"]:
            chain = thing["chain"]
            hooks.append([chain["name"], chain["hook"], chain["prio"], chain["policy"]])
    text, queue, seen = [json.dumps(hooks)], [hook[0] for hook in hooks], set()

    def jumps(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ("jump", "goto"): queue.append(inner["target"])
                else: jumps(inner)
        elif isinstance(value, list):
            for inner in value: jumps(inner)

    def whole(value):
        """A rule with each set's elements in place of its name."""
        if isinstance(value, str) and value.startswith("@"):
            held = sets[value[1:]]
            jumps(held.get("elem", []))
            # Bans and meters are filled by others than the policy.
            is_filled_by_rules = "dynamic" in held.get("flags", []) or value[1:].startswith("bannet")
            return value if is_filled_by_rules else elements(held)
        if isinstance(value, dict): return {key: whole(inner) for key, inner in value.items()}
        return [whole(inner) for inner in value] if isinstance(value, list) else value

    while queue:
        chain = queue.pop(0)
        if chain in seen: continue
        seen.add(chain)
        for rule in rules.get(chain, []):
            jumps(rule)
            text.append(f"{chain}: {json.dumps(whole(rule), sort_keys=True)}")
    return "\n".join(sorted(text))


def policy(name, count, port, sort):
    list_ = "".join(f"{11 + i // 60000}.{i // 250 % 250}.{i % 250}.0/28\n" for i in range(count))
    open(f"{folder}/{name}.txt", "w").write(list_)
    path = f"{folder}/{name}.yaml"
    open(path, "w").write(f"""version: 1
groups: {{ list: {{ file: {name}.txt }}, office: [10.77.0.0/24, "fd77::/64"] }}
management: {{ from: [10.77.0.9], to: [tcp/22] }}
deny: [list]
services:
  {sort}: {{ listen: [tcp/{port}], allow: [office], limit: {{ concurrent: {{ max: 9 }} }} }}
""")
    return path


randomness = random.Random(seed)
# Every kind of change: a set in place, a set anew, shards, chains that come and go.
paths = [policy("small", 40, 80, "web"), policy("grown", 50, 80, "web"), policy("other", 1500, 81, "mail"),
         policy("sharded", 8500, 80, "web")]
wanted, spans = {}, {}
for path in paths:
    begun = time.monotonic()
    run(gatehouse, "policy", "apply", path)
    spans[path] = time.monotonic() - begun
    wanted[path] = reached()
if len(set(wanted.values())) != len(paths): sys.exit("two policies look the same: this would prove nothing")

held, outcomes, cut_short = paths[-1], {"old": 0, "new": 0}, 0
for number in range(kills):
    new = randomness.choice([p for p in paths if p != held])
    child = subprocess.Popen(inside + [gatehouse, "policy", "apply", new], env=environment, start_new_session=True,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(randomness.uniform(0, 1.1 * spans[new]))
    if child.poll() is None: cut_short += 1
    try: os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError: pass
    child.wait()
    now = reached()
    if now == wanted[new]:
        outcomes["new"] += 1
        held = new
    elif now == wanted[held]: outcomes["old"] += 1
    else: sys.exit(f"kill {number}: neither {held} nor {new}:\n{now[:4000]}")
    # What is on disk can be read, whatever happened.
    run(gatehouse, "policy", "status")
    if number % 10 == 9:
        held = randomness.choice(paths)
        applied = run(gatehouse, "policy", "apply", held, check=False)
        if applied.returncode != 0: sys.exit(f"after kill {number}: {applied.stderr}")
        verified = run(gatehouse, "policy", "verify", "--deep", check=False)
        if verified.returncode != 0: sys.exit(f"after kill {number}: {verified.stdout}")
        if reached() != wanted[held]: sys.exit(f"after kill {number} the next apply is not whole")
print(f"{kills} kills, {cut_short} before the end: {outcomes['old']} times the old policy, {outcomes['new']} the new")
if cut_short < kills / 3: sys.exit("hardly anything was cut short: that proves little")


def settle():
    """From wherever a kill has left it: no panic, no allowance, nothing pending, the second policy and then the first."""
    run(gatehouse, "panic", "off")
    pending = json.loads(run(gatehouse, "policy", "status", "--json").stdout).get("pending")
    if pending: run(gatehouse, "policy", "rollback")
    run(gatehouse, "allow", "del", "192.0.2.9", "--to", "web", check=False)
    for path in (paths[1], paths[0]): run(gatehouse, "policy", "apply", path)
    if reached() != wanted[paths[0]]: sys.exit("what a kill left behind does not go away")


# What is done by hand, and going back, is whole or not at all, too.
for command in (["panic", "on"], ["policy", "rollback"], ["policy", "apply", paths[1], "--confirm-within", "90s"],
                ["allow", "add", "192.0.2.9", "--to", "web", "--for", "1h", "--reason", "r", "--owner", "o"]):
    settle()
    begun = time.monotonic()
    run(gatehouse, *command)
    span, after = time.monotonic() - begun, reached()
    counts, cut_short = {"old": 0, "new": 0}, 0
    if after == wanted[paths[0]]: sys.exit(f"{command} changes nothing: this would prove nothing")
    for number in range(kills // 10):
        settle()
        child = subprocess.Popen(inside + [gatehouse] + command, env=environment, start_new_session=True,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(randomness.uniform(0, 0.9 * span))
        if child.poll() is None: cut_short += 1
        try: os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError: pass
        child.wait()
        now = reached()
        if now not in (wanted[paths[0]], after): sys.exit(f"kill {number} of {command}: neither\n{now[:4000]}")
        counts["new" if now == after else "old"] += 1
        # As after a restart: what is written down is one of the two as well.
        run(gatehouse, "policy", "boot")
        if reached() not in (wanted[paths[0]], after): sys.exit(f"boot after kill {number} of {command}: neither")
    if cut_short < kills / 30: sys.exit(f"{command}: hardly anything was cut short")
    settle()
    if run(gatehouse, "policy", "verify", "--deep", check=False).returncode != 0: sys.exit(f"{command}: drift")
    print(f"{command[0]} {command[1]}: {counts['old']} times the old, {counts['new']} the new, {cut_short} before the end")
