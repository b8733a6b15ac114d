import AgentOSCore
import AgentOSRuntime
import Foundation

extension ServerConfiguration {
    mutating func runtimeSettings(_ settings: Settings) throws {
        let lives = 1...31_536_000
        try settings.number("approval_ttl_seconds", lives) { runtime.approvalSeconds = $0 }
        try settings.number("question_ttl_seconds", lives) { runtime.questionSeconds = $0 }
        if let text = settings.text("approval_reject") {
            guard let rejection = RunPlan.Rejection(rawValue: text) else {
                throw StartupError("approval_reject (AGENTOS_APPROVAL_REJECT) must be fail or tool_error.")
            }
            runtime.rejection = rejection
        }
        if let path = settings.text("prices") {
            guard let bytes = FileManager.default.contents(atPath: path) else {
                throw StartupError("prices (AGENTOS_PRICES): cannot read the file \(path).")
            }
            do {
                runtime.prices = PriceBook.builtIn.overridden(by: try PriceBook(json: Array(bytes)))
            } catch let error as AgentOSError {
                throw StartupError("prices (AGENTOS_PRICES): \(path): \(error.message)")
            }
        }
    }

    static func webSearch(_ settings: Settings) throws -> WebSearchSettings? {
        let address = settings.text("web_search_url")
        if let address { _ = try url(address, "web_search_url (AGENTOS_WEB_SEARCH_URL)") }
        do {
            return try WebSearchSettings.read(
                backend: settings.text("web_search_backend"), url: address,
                apiKey: settings.text("web_search_api_key"))
        } catch {
            throw StartupError(error.message)
        }
    }
}
