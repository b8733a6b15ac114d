import AgentOSAutomation
import AgentOSControl
import AgentOSCore
import AgentOSHTTP
import AgentOSOutbound
import AgentOSRuntime
import Configuration
import Foundation
import Logging
import Yams

/// Everything an operator can set, read once: flags, then the environment (`AGENTOS_…`), then `agentos.yaml`, then
/// defaults.
public struct ServerConfiguration: Sendable {
    public enum LogFormat: String, Sendable, CaseIterable { case console, json }

    public var host = "127.0.0.1"
    public var port = 8080
    public var data = "./agentos-data"
    public var logFormat = LogFormat.console
    public var logLevel = Logger.Level.info
    public var edge = EdgeConfiguration()
    public var minimumFreeBytes: UInt64 = 256 << 20
    public var clockOffsetSeconds = 0
    public var outbound = OutboundPolicy()
    public var providers = ProviderDirectory.Environment()
    public var runtime = RuntimeSettings()
    /// Nil: `web_search` says that it is not configured.
    public var webSearch: WebSearchSettings?
    /// Nil: there are no actions of Composio.
    public var composio: ComposioSettings?
    /// Without a trailing slash; nil: the address that is listened at.
    public var publicURL: String?
    /// Agents to start from.
    public var templates: TemplateCatalogue
    public var automationOptions = AutomationSettings()
    /// With the address that links begin with.
    var automation: AutomationSettings {
        var settings = automationOptions
        settings.publicAddress = PublicAddress(publicURL ?? ownURL(port: port))
        return settings
    }

    /// Where this machine finds the server when it listens at a port.
    func ownURL(port: Int) -> String {
        let name = host == "0.0.0.0" || host == "::" ? "localhost" : host
        return "http://\(name.contains(":") ? "[\(name)]" : name):\(port)"
    }

    /// 32 bytes; nil: the file in the data folder.
    public var masterKey: [UInt8]?

    /// - Throws: `TemplateCatalogue.Invalid`
    public init() throws { templates = try TemplateCatalogue() }

    /// The names in the file; in the environment the same in capitals after `AGENTOS_`.
    private static let names: Set<String> = [
        "host", "port", "data", "log_format", "log_level", "rate_limit_ingest", "rate_limit_invoke",
        "rate_limit_control", "rate_limit_auth", "trusted_proxies", "human_input_poll_seconds", "outbound_allow",
        "clock_offset_seconds", "max_body_bytes", "max_control_body_bytes", "max_bytes_in_flight", "min_free_bytes",
        "public_url", "master_key", "approval_ttl_seconds", "question_ttl_seconds", "approval_reject", "prices",
        "webhook_retry_seconds", "smtp_url", "mail_from", "templates", "web_search_backend", "web_search_url",
        "web_search_api_key",
    ]

    /// - Throws: `StartupError` naming the setting.
    public static func load(_ options: ServeOptions, environment: [String: String]) throws -> ServerConfiguration {
        var flags: [AbsoluteConfigKey: ConfigValue] = [:]
        func flag(_ name: String, _ value: String?) {
            if let value { flags[["agentos", name]] = ConfigValue(.string(value), isSecret: false) }
        }
        flag("host", options.host)
        flag("port", options.port.map(String.init))
        flag("data", options.data)
        flag("log_format", options.logFormat)
        flag("log_level", options.logLevel)
        let reader = ConfigReader(providers: [
            InMemoryProvider(name: "flags", values: flags),
            EnvironmentVariablesProvider(environmentVariables: environment),
            InMemoryProvider(name: "file", values: try file(options, environment)),
        ])
        return try ServerConfiguration(Settings(reader: reader.scoped(to: "agentos")), environment)
    }

    private static func file(
        _ options: ServeOptions, _ environment: [String: String]
    ) throws -> [AbsoluteConfigKey: ConfigValue] {
        let path = options.configFile ?? environment["AGENTOS_CONFIG"] ?? "agentos.yaml"
        let wanted = options.configFile != nil || environment["AGENTOS_CONFIG"] != nil
        guard let bytes = FileManager.default.contents(atPath: path) else {
            if wanted { throw StartupError("Cannot read the configuration file \(path).") }
            return [:]
        }
        let node: Yams.Node?
        do {
            node = try Yams.compose(yaml: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw StartupError("\(path) is not valid YAML.")
        }
        guard let node, node != .scalar(.init("")) else { return [:] }
        guard let mapping = node.mapping else { throw StartupError("\(path) must be a list of settings, name: value.") }
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (key, value) in mapping {
            guard let name = key.string, names.contains(name) else {
                throw StartupError("\(path): unknown setting \(key.string ?? "?").")
            }
            let text = value.sequence.map { $0.compactMap(\.string).joined(separator: ",") } ?? value.scalar?.string
            guard let text else { throw StartupError("\(path): \(name) must be a plain value.") }
            values[["agentos", name]] = ConfigValue(.string(text), isSecret: Settings.isSecret(name))
        }
        return values
    }

    struct Settings {
        let reader: ConfigReader

        func text(_ name: String) -> String? {
            reader.string(forKey: ConfigKey([name]), isSecret: Self.isSecret(name)).flatMap { $0.isEmpty ? nil : $0 }
        }

        static func isSecret(_ name: String) -> Bool {
            name == "master_key" || name == "smtp_url" || name.hasSuffix("api_key")
        }

        func number(_ name: String, _ range: ClosedRange<Int>, _ set: (Int) -> Void) throws {
            guard let text = text(name) else { return }
            guard let value = Int(text), range.contains(value) else {
                throw StartupError(
                    "\(name) (AGENTOS_\(name.uppercased())) must be a whole number between \(range.lowerBound) and "
                        + "\(range.upperBound), not \"\(text.prefix(40))\".")
            }
            set(value)
        }
    }

    private init(_ settings: Settings, _ environment: [String: String]) throws {
        do {
            templates = try TemplateCatalogue(folder: settings.text("templates"))
        } catch let error as TemplateCatalogue.Invalid {
            throw StartupError("templates (AGENTOS_TEMPLATES): \(error.message).")
        }
        host = settings.text("host") ?? host
        data = settings.text("data") ?? data
        publicURL = try settings.text("public_url").map { text in
            let url = try Self.url(text, "public_url (AGENTOS_PUBLIC_URL)")
            guard url.isPlain else {
                throw StartupError("public_url (AGENTOS_PUBLIC_URL) must end with the host or a path, without ? and #.")
            }
            return url.text
        }
        try settings.number("port", 0...65535) { port = $0 }
        if let text = settings.text("log_format") {
            guard let format = LogFormat(rawValue: text) else {
                throw StartupError("log_format must be console or json.")
            }
            logFormat = format
        }
        if let text = settings.text("log_level") {
            guard let level = Logger.Level(rawValue: text) else {
                throw StartupError("log_level must be trace, debug, info, notice, warning, error or critical.")
            }
            logLevel = level
        }
        let rates = 0...1_000_000_000
        try settings.number("rate_limit_ingest", rates) { edge.ingestLimit = $0 }
        try settings.number("rate_limit_invoke", rates) { edge.invokeLimit = $0 }
        try settings.number("rate_limit_control", rates) { edge.controlLimit = $0 }
        try settings.number("rate_limit_auth", rates) { edge.authLimit = $0 }
        let list = settings.text("trusted_proxies") ?? ""
        edge.trustedProxies = try Set(
            list.split(separator: ",").map { piece in
                let text: String = piece.filter { $0 != " " }
                guard let address = IPAddress(text) else {
                    throw StartupError(
                        "trusted_proxies (AGENTOS_TRUSTED_PROXIES) must be IP addresses with commas between them, not "
                            + "\"\(text.prefix(60))\".")
                }
                return address.description
            })
        try settings.number("human_input_poll_seconds", 1...270) { edge.pollSeconds = Double($0) }
        try settings.number("clock_offset_seconds", -4_000_000_000...4_000_000_000) { clockOffsetSeconds = $0 }
        try settings.number("max_body_bytes", 1024...1 << 30) { edge.maximumBody = $0 }
        try settings.number("max_control_body_bytes", 1024...1 << 30) { edge.maximumControlBody = $0 }
        try settings.number("max_bytes_in_flight", 1 << 20...1 << 40) { edge.maximumBodiesInFlight = $0 }
        try settings.number("min_free_bytes", 0...1 << 50) { minimumFreeBytes = UInt64($0) }
        if let text = settings.text("outbound_allow") {
            do {
                outbound = try OutboundPolicy(allowList: text)
            } catch {
                throw StartupError("outbound_allow (AGENTOS_OUTBOUND_ALLOW): \(error.message)")
            }
        }
        if let text = settings.text("master_key") {
            guard let key = MasterKey.decode(text) else {
                throw StartupError("master_key (AGENTOS_MASTER_KEY) must be 32 bytes as 64 hex digits or as base64.")
            }
            masterKey = key
        }
        if let text = settings.text("webhook_retry_seconds") {
            let waits = text.split(separator: ",").map { Double($0.filter { $0 != " " }) }
            guard waits.count <= 20, waits.allSatisfy({ $0.map { $0 >= 0 && $0 <= 86_400 } ?? false }) else {
                throw StartupError(
                    "webhook_retry_seconds (AGENTOS_WEBHOOK_RETRY_SECONDS) must be seconds with commas between them.")
            }
            automationOptions.webhookRetrySeconds = waits.compactMap { $0 }
        }
        if let url = settings.text("smtp_url") {
            do {
                automationOptions.mailServer = try MailServer(url: url, from: settings.text("mail_from"))
            } catch {
                throw StartupError("smtp_url (AGENTOS_SMTP_URL) \(error.message).")
            }
        }
        try runtimeSettings(settings)
        webSearch = try Self.webSearch(settings)
        func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        providers.anthropicKey = given("ANTHROPIC_API_KEY")
        func givenURL(_ name: String) throws -> String? {
            let text = given(name)
            if let text { _ = try Self.url(text, name) }
            return text
        }
        providers.anthropicBaseURL = try givenURL("ANTHROPIC_BASE_URL")
        providers.openAIKey = given("OPENAI_API_KEY")
        providers.openAIBaseURL = try givenURL("OPENAI_BASE_URL")
        let composioURL = try givenURL("COMPOSIO_BASE_URL")
        composio = given("COMPOSIO_API_KEY").map {
            ComposioSettings(apiKey: $0, baseURL: composioURL, userID: given("COMPOSIO_USER_ID"))
        }
    }

    /// - Throws: `StartupError` naming the setting.
    static func url(_ text: String, _ setting: String) throws -> OperatorURL {
        do {
            return try OperatorURL(text)
        } catch {
            throw StartupError("\(setting): \(error.message)")
        }
    }
}
