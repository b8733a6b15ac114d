/// What an operator can set about automation.
public struct AutomationSettings: Sendable {
    /// Where people reach this server; links in invites, hooks and mails begin with it.
    public var publicAddress = PublicAddress("http://127.0.0.1:8080")

    /// The same as it is now.
    public var publicURL: String { publicAddress.url }

    /// Seconds before the second try of a delivery, the third, and so on.
    public var webhookRetrySeconds: [Double] = [10, 60, 300]

    /// Where mail goes out; nil: nowhere.
    public var mailServer: MailServer?

    public init() {}
}
