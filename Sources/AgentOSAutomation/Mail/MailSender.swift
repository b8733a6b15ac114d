import AgentOSCore
import AgentOSStore
import CMail
import Dispatch

/// Hands mails to the mail server. Without one the members are told that a mail could not be sent.
struct MailSender: Sendable {
    private static let queue = DispatchQueue(label: "mail", attributes: .concurrent)

    let stores: Stores
    let server: MailServer?
    let publicURL: String

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
        try await Self.handIn(message, server)
    }

    private static func handIn(_ message: MailMessage, _ server: MailServer) async throws {
        let bytes = message.encoded
        let problem = await withCheckedContinuation { (continuation: CheckedContinuation<String?, Never>) in
            queue.async { continuation.resume(returning: perform(bytes, to: message.to, server)) }
        }
        if let problem { throw AgentOSError(.unavailable, "The mail server did not take a mail: \(problem).") }
    }

    /// Blocks. Returns what went wrong.
    private static func perform(_ bytes: [UInt8], to recipients: [String], _ server: MailServer) -> String? {
        let addresses = recipients.map { Array($0.utf8CString) }
        // One block of memory for all addresses, so that the pointers stay valid.
        let flat = addresses.flatMap { $0 }
        return flat.withUnsafeBufferPointer { block in
            guard let base = block.baseAddress else { return "no recipient" }
            var (pointers, offset) = ([UnsafePointer<CChar>?](), 0)
            for address in addresses {
                pointers.append(base + offset)
                offset += address.count
            }
            var reason = [CChar](repeating: 0, count: 256)
            let code = bytes.withUnsafeBytes { raw in
                cmail_send(
                    server.url, server.user, server.password, server.tls.rawValue, server.from, pointers,
                    pointers.count, raw.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, &reason,
                    reason.count)
            }
            guard code != 0 else { return nil }
            return String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
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
