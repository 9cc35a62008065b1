import Testing

@testable import Proxy

@Suite struct SecretNameTests {
  private func isSecret(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    return SecretNames.contain(bytes.span)
  }

  @Test(arguments: [
    "token", "Token", "%74oken", "access-token", "password[]", "X[token]", "user%5Bpassword%5D",
    "token%20", "+token", "api-key", "code", "x-amz-signature",
  ])
  func `is a secret's name however a framework takes it`(_ name: String) {
    #expect(isSecret(name))
  }

  @Test(arguments: ["", "tok", "tokens", "page", "q[]", "[]", "%", "%7", "token%00x"])
  func `is none`(_ name: String) { #expect(!isSecret(name)) }
}
