import AgentOSCore
import AgentOSTestSupport
import Foundation

/// Serves the fake provider of the Swift tests until its standard input ends, so that the providers' own clients can
/// check that it speaks their wire formats. Prints its port. What it answers goes by the model's name.
@main
enum FakeProviderTool {
    static func main() async throws {
        try await withFakeProvider { @Sendable fake in
            fake.answer { request in
                switch request.model {
                case "text": .text("Hello from the fake.").usage(TokenUsage(input: 21, output: 5, cacheRead: 3))
                case "tools":
                    .tools(("look_up", ["order": 991]), ("look_up", ["order": 992]), text: "Let me look.")
                case "refused": .error(400, "no such thing")
                case "unauthorised": .error(401, "bad key")
                case "limited": .error(429, "slow down", retryAfter: "7")
                case "overloaded": .error(529, "overloaded")
                case "cut": .text(chunks: ["one ", "two ", "three"]).cut(after: 2)
                default: .error(404, "no script for this model")
                }
            }
            print(fake.port)
            fflush(nil)
            while readLine() != nil {}
        }
    }
}
