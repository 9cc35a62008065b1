# What a person types; `make` alone says it all.
.DEFAULT_GOAL := help
.PHONY: help deps build run test fuzz check kernels format bench bench-tls bench-firewall

help: ## say what there is to type
	@printf 'Gatehouse: an HTTPS edge server with its firewall.\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the packages a build needs, if any is missing
	@scripts/install-dependencies

build: deps ## build the release
	swift build -c release --product gatehouse --static-swift-stdlib

run: build ## build, then start the demo on https://127.0.0.1:8443
	.build/release/gatehouse demo

test: ## install what is missing, build, run every test
	@scripts/install-dependencies test
	swift build --build-tests
	@scripts/test

fuzz: deps ## look for inputs that break a reader
	Fuzz/run

check: ## lint, build the release, test, then fuzz: what a change has to pass
	swift format lint --strict --recursive Sources Tests Fuzz Package.swift
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory fuzz

kernels: ## build, then test the firewall in the kernels 6.1 and 6.12 (QEMU, root)
	@scripts/install-dependencies test
	swift build --build-tests
	@scripts/kernels

format: ## settle spaces and line breaks
	swift format --in-place --recursive Sources Tests Fuzz Package.swift

bench: ## measure beside HAProxy and nginx
	@scripts/install-dependencies bench
	Benchmarks/run

bench-tls: ## measure handshakes beside HAProxy, nginx and OpenSSL alone
	@scripts/install-dependencies bench
	Benchmarks/run --tls

bench-firewall: build ## measure the firewall beside nft, in network namespaces (root)
	@scripts/install-dependencies test
	Benchmarks/firewall
