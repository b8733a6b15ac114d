import AgentOSCore
import AgentOSOutbound

/// What the search services want to be asked, and how they answer.
struct WebSearchBackend: Sendable {
    struct Hit: Sendable {
        let title: String
        let url: String
        let snippet: String
    }

    private static let titleBound = 300
    private static let urlBound = 2000
    private static let snippetBound = 1000

    let settings: WebSearchSettings

    func request(_ query: String, count: Int) -> OutboundRequest {
        let key = settings.apiKey ?? ""
        switch settings.backend {
        case .searxng:
            var base = settings.url ?? ""
            while base.last == "/" { base.removeLast() }
            return get(
                base + "/search?q=\(PercentEncoding.strict(query))&format=json", key.isEmpty ? [] : [bearer(key)])
        case .brave:
            let url = settings.url ?? "https://api.search.brave.com/res/v1/web/search"
            return get(
                url + "?q=\(PercentEncoding.strict(query))&count=\(count)&text_decorations=false",
                [("X-Subscription-Token", key)])
        case .tavily:
            let body: JSONValue = ["query": .string(query), "max_results": .int(count)]
            return OutboundRequest(
                method: "POST", url: settings.url ?? "https://api.tavily.com/search",
                headers: [bearer(key), ("Content-Type", "application/json"), ("Accept", "application/json")],
                body: body.encoded)
        }
    }

    private func bearer(_ key: String) -> (name: String, value: String) { ("Authorization", "Bearer " + key) }

    private func get(_ url: String, _ headers: [(name: String, value: String)]) -> OutboundRequest {
        OutboundRequest(url: url, headers: headers + [("Accept", "application/json")])
    }

    /// Nil when the answer is none of this service.
    func hits(in answer: JSONValue, count: Int) -> [Hit]? {
        let (list, snippet) =
            switch settings.backend {
            case .searxng, .tavily: (answer["results"], "content")
            // Without any hit there is no `web`.
            case .brave: (answer["web"].map { $0["results"] } ?? (answer.objectValue == nil ? nil : []), "description")
            }
        guard let items = list?.arrayValue else { return nil }
        let hits = items.compactMap { item -> Hit? in
            guard let url = item["url"]?.stringValue, !url.isEmpty, url.utf8.count <= Self.urlBound else { return nil }
            return Hit(
                title: Self.line(item["title"], Self.titleBound), url: url,
                snippet: Self.line(item[snippet], Self.snippetBound))
        }
        return Array(hits.prefix(count))
    }

    private static func line(_ value: JSONValue?, _ bound: Int) -> String {
        let words = (value?.stringValue ?? "").split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
        return String(words.unicodeScalars.prefix(bound))
    }
}
