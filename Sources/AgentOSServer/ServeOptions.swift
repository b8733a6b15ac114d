/// Flags of the command line; what is nil comes from the environment, the file or the defaults.
public struct ServeOptions: Sendable {
    public var host: String?
    public var port: Int?
    public var data: String?
    public var configFile: String?
    public var logFormat: String?
    public var logLevel: String?
    /// Starts although the master key opens none of the stored secrets: they have to be set anew.
    public var givesUpSecrets = false

    public init() {}
}

/// Something a person has to mend before the server can start: one clear line.
public struct StartupError: Error, Sendable {
    public let message: String

    public init(_ message: String) { self.message = message }
}
