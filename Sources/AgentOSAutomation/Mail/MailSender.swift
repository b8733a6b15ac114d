import AgentOSCore
import AgentOSStore
import CMail
import Dispatch
import Logging
import Synchronization

/// Hands mails to the mail server. Without one the members are told that a mail could not be sent; so they are of
/// recipients that the mail server does not know.
struct MailSender: Sendable {
    private static let queue = DispatchQueue(label: "mail", attributes: .concurrent)

    /// A recipient that the mail server refused, while it took the mail for others.
    private struct Refusal: Sendable {
        let address: String
        /// Of SMTP: 400 and above for now, 500 and above for good.
        let code: Int

        var text: String { "\(address) (\(code))" }
    }

    /// Tells a transfer, which blocks a thread, that nobody waits for it any more.
    private final class Cancellation: Sendable {
        let isSet = Atomic(false)
    }

    let stores: Stores
    let server: MailServer?
    let address: PublicAddress
    let logger: Logger

    private var publicURL: String { address.url }

    func send(_ job: Job) async throws {
        guard let mail = OutgoingMail(job.payload) else { return }
        let now = stores.clock.now()
        guard let server else {
            return try await stores.committer.write { connection in
                try NotificationStore.insert(
                    .system, title: "A mail could not be sent: \(mail.subject)",
                    body: "No mail server is set; the operator sets AGENTOS_SMTP_URL and AGENTOS_MAIL_FROM.",
                    workspace: mail.workspaceKey, now: now, connection)
            }
        }
        let message = MailMessage(
            from: server.from, to: mail.to, subject: mail.subject, text: text(mail), html: html(mail), id: job.name,
            date: now)
        let refused = try await Self.handIn(message, server)
        if !refused.isEmpty { try await follow(up: refused, mail, now: now) }
    }

    /// Tries those again that are refused for now, and tells of the others.
    private func follow(up refused: [Refusal], _ mail: OutgoingMail, now: Timestamp) async throws {
        let lost = refused.filter { $0.code >= 500 }
        let reached = lost.count == mail.to.count ? "reached nobody" : "did not reach everybody"
        let gone = lost.map(\.text).joined(separator: ", ")
        if !gone.isEmpty {
            logger.warning("the mail server refused recipients", metadata: ["recipients": .string(gone)])
        }
        var rest = mail
        rest.to = refused.filter { $0.code < 500 }.map(\.address)
        let later = rest
        try await stores.committer.write { connection in
            if !later.to.isEmpty { try later.enqueue(now: now, connection) }
            guard !gone.isEmpty else { return }
            try NotificationStore.insert(
                .system, title: "A mail \(reached): \(later.subject)",
                body: "The mail server refused \(gone).", workspace: later.workspaceKey, now: now, connection)
        }
    }

    /// Ends within a second when the calling task is cancelled.
    /// - Returns: who did not get the mail.
    /// - Throws: `AgentOSError` when nobody did and another try may go better for all of them.
    private static func handIn(_ message: MailMessage, _ server: MailServer) async throws -> [Refusal] {
        let bytes = message.encoded
        let recipients = message.to
        let cancellation = Cancellation()
        let (problem, refused) = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<(problem: String?, refused: [Refusal]), Never>) in
                queue.async {
                    continuation.resume(returning: perform(bytes, to: recipients, server, unless: cancellation))
                }
            }
        } onCancel: {
            cancellation.isSet.store(true, ordering: .relaxed)
        }
        guard let problem else { return refused }
        // Whom it refuses for good it refuses the next time too; the others get a mail of their own.
        if refused.count == recipients.count, refused.contains(where: { $0.code >= 500 }) { return refused }
        let named = refused.isEmpty ? "" : "; it refused \(refused.map(\.text).joined(separator: ", "))"
        throw AgentOSError(.unavailable, "The mail server did not take a mail: \(problem)\(named).")
    }

    /// Blocks. Returns why nobody got the mail, and who was refused.
    private static func perform(
        _ bytes: [UInt8], to recipients: [String], _ server: MailServer, unless cancellation: Cancellation
    ) -> (problem: String?, refused: [Refusal]) {
        let addresses = recipients.map { Array($0.utf8CString) }
        // One block of memory for all addresses, so that the pointers stay valid.
        let flat = addresses.flatMap { $0 }
        defer { withExtendedLifetime(cancellation) {} }
        var replies = [Int32](repeating: 0, count: recipients.count)
        let problem = flat.withUnsafeBufferPointer { block -> String? in
            guard let base = block.baseAddress else { return "no recipient" }
            var (pointers, offset) = ([UnsafePointer<CChar>?](), 0)
            for address in addresses {
                pointers.append(base + offset)
                offset += address.count
            }
            var reason = [CChar](repeating: 0, count: 256)
            let code = bytes.withUnsafeBytes { raw in
                // The flag outlives the call: `cancellation` is held to the end of this function.
                cmail_send(
                    server.url, server.user, server.password, server.tls.rawValue, server.from, pointers,
                    pointers.count, &replies, raw.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count,
                    { context in
                        guard let context else { return 0 }
                        let flag = Unmanaged<Cancellation>.fromOpaque(context).takeUnretainedValue()
                        return flag.isSet.load(ordering: .relaxed) ? 1 : 0
                    }, Unmanaged.passUnretained(cancellation).toOpaque(), &reason, reason.count)
            }
            guard code != 0 else { return nil }
            return String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        let refused = zip(recipients, replies).filter { $1 >= 400 }.map { Refusal(address: $0, code: Int($1)) }
        return (problem, refused)
    }

    private func text(_ mail: OutgoingMail) -> String {
        if let document = mail.markdown { return "\(mail.lead)\n\n\(document)\n\(publicURL)\n" }
        let facts = mail.facts.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
        return "\(mail.lead)\n\n\(facts)\n\n\(publicURL)\n"
    }

    private func html(_ mail: OutgoingMail) -> String {
        if let document = mail.markdown { return MarkdownPage.html(document, title: mail.subject) }
        let rows = mail.facts.map {
            "<tr><th align=\"left\">\($0.name.escapedForMarkup)</th><td>\($0.value.escapedForMarkup)</td></tr>"
        }
        return """
            <!doctype html><html><body><h2>\(mail.subject.escapedForMarkup)</h2><p>\(mail.lead.escapedForMarkup)</p>
            <table cellpadding="4">\(rows.joined())</table><p><a href="\(publicURL.escapedForMarkup)">\(publicURL.escapedForMarkup)</a></p>
            </body></html>
            """
    }
}
