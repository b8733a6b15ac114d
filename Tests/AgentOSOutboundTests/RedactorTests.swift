import AgentOSOutbound
import Testing

@Suite("Redaction")
struct RedactorTests {
    @Test(
        "secrets go, words stay",
        arguments: [
            ("key top-secret-1 refused", "key [redacted] refused"),
            ("Incorrect API key provided: sk-proj-abcDEF123_4.", "Incorrect API key provided: [redacted]"),
            ("sent Authorization: Bearer abc.def-123 to x", "sent [redacted] to x"),
            ("bearer abcdefgh", "[redacted]"), ("{\"x-api-key\": \"abc123\"}", "{\"[redacted]\"}"),
            ("api_key=hunter2&b=1", "[redacted]&b=1"), ("the bearer of news", "the bearer of news"),
            ("risk-averse task-list", "risk-averse task-list"), ("sk-", "sk-"), ("", ""),
            ("größe ✓ top-secret-1 日本", "größe ✓ [redacted] 日本"), ("no api-key given", "no api-key given"),
        ])
    func redact(text: String, expected: String) {
        #expect(Redactor(secrets: ["top-secret-1", "abc"]).redact(text) == expected)
    }
}
