import AgentOSAutomation
import AgentOSCore
import AgentOSStore
import AgentOSWire
import Foundation
import HTTPTypes
import Hummingbird

extension Edge {
    /// `GET /invites/<token>` shows what the link leads to, `POST` joins. Browsers get pages, programs get JSON. The
    /// link is the key for somebody new; whoever has an account here joins with a personal key of it.
    func invite(_ token: String, _ request: Request) async throws -> Reply {
        let wantsPage = request.headers[.accept]?.contains("text/html") == true
        do {
            var reply =
                request.method == .post
                ? try await join(token, request, wantsPage) : try await show(token, wantsPage)
            reply.headers.append((.cacheControl, "no-store"))
            return reply
        } catch let error as AgentOSError where wantsPage {
            var reply = Reply.page(InvitePage.problem(error, link(token)), status: error.code.status)
            if error.code == .unauthenticated { reply.headers.append((.wwwAuthenticate, "Bearer")) }
            return reply
        }
    }

    private func link(_ token: String) -> String {
        services.automation.settings.publicURL + Route.invitesPrefix + token
    }

    private func show(_ token: String, _ wantsPage: Bool) async throws -> Reply {
        let open = try await services.members.open(token: token)
        if wantsPage { return .page(InvitePage.invitation(open, link(token))) }
        return .data {
            $0.value([
                "workspace": ["slug": .string(open.workspace.slug), "name": .string(open.workspace.name)],
                "email": .string(open.invite.email), "role": .string(open.invite.role.word),
                "expires_at": .time(open.invite.expiresAt), "has_account": .bool(open.isOfUser),
            ])
        }
    }

    private func join(_ token: String, _ request: Request, _ wantsPage: Bool) async throws -> Reply {
        // The link first, then who asks, then what is said.
        let offer = try await services.members.open(token: token)
        let asking = try await bearer(of: request)
        var user: Int64?
        if case .user(let key)? = asking?.scope { user = key }
        try offer.check(user)
        let name = try await joiningName(request)
        let actor =
            offer.isOfUser
            ? AuditTrail.Actor(kind: "user", keyKey: asking?.keyKey, userKey: user) : AuditTrail.Actor(kind: "invite")
        let trail = AuditTrail(
            operation: "invites_accept", workspace: offer.workspace.ref.key, actor: actor,
            parameters: name.map { ["name": .string($0)] } ?? [:], clock: services.clock)
        let by = user
        let (open, key) = try await AuditTrail.$current.withValue(trail) {
            try await services.members.accept(token: token, name: name, by: by)
        }
        if wantsPage { return .page(InvitePage.joined(open.workspace, key: key?.text)) }
        var answer: JSONObject = [
            "workspace": ["slug": .string(open.workspace.slug), "name": .string(open.workspace.name)],
            "email": .string(open.invite.email), "role": .string(open.invite.role.word),
        ]
        if let key { answer["api_key"] = .string(key.text) }
        let shown = JSONValue.object(answer)
        return .data { $0.value(shown) }
    }

    /// Who a bearer token is of; nil without one, and for one that is unknown.
    private func bearer(of request: Request) async throws -> Principal? {
        guard let header = request.headers[.authorization], header.prefix(7).lowercased() == "bearer " else {
            return nil
        }
        return try await services.keys.principal(of: String(header.dropFirst(7).drop { $0 == " " }))
    }

    /// The name of whoever joins: of a form, or of a JSON object; may be absent.
    private func joiningName(_ request: Request) async throws -> String? {
        let isForm = request.headers[.contentType]?.hasPrefix("application/x-www-form-urlencoded") == true
        return try await bodies.withBytes(of: request, limit: 16 << 10) { bytes -> String? in
            if bytes.isEmpty { return nil }
            var name: String?
            if isForm {
                name = try FormFields(bytes)["name"]
            } else {
                guard let object = (try? JSONParser.parse(bytes))?.objectValue else {
                    throw AgentOSError.invalid("body", "must be a JSON object")
                }
                if let value = object["name"], !value.isNull {
                    guard let text = value.stringValue else { throw AgentOSError.invalid("name", "must be a string") }
                    name = text
                }
            }
            let trimmed = name?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
            guard trimmed.unicodeScalars.count <= 120 else {
                throw AgentOSError.invalid("name", "must be at most 120 characters long")
            }
            return trimmed.isEmpty ? nil : trimmed
        }
    }
}

/// The fields of a form as browsers send it: `name=Ada+Lovelace&…`.
private struct FormFields {
    private var values: [String: String] = [:]

    /// - Throws: VALIDATION_ERROR for a `%` that begins no character.
    init(_ bytes: [UInt8]) throws {
        for pair in String(decoding: bytes, as: UTF8.self).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.plain)
            guard let name = parts[0], let value = parts.count > 1 ? parts[1] : "" else {
                throw AgentOSError.invalid(
                    String((parts[0] ?? "body").prefix(80)), "is not encoded as forms are")
            }
            values[name] = value
        }
    }

    private static func plain(_ text: Substring) -> String? {
        String(text.map { $0 == "+" ? " " : $0 }).removingPercentEncoding
    }

    subscript(_ name: String) -> String? { values[name] }
}

/// What people see behind an invite's link.
private enum InvitePage {
    static func invitation(_ open: OpenInvite, _ link: String) -> [UInt8] {
        let (invite, workspace) = (open.invite, open.workspace)
        let words = """
            <p>You are invited to the workspace <b>\(workspace.name.escapedForMarkup)</b> as \
            <b>\(invite.role.word)</b>, with the address \(invite.email.escapedForMarkup).</p>
            """
        let form = """
            <form method="post"><label>Your name <input name="name" maxlength="120" autocomplete="name"></label> \
            <button>Join</button></form>
            """
        return page(
            "Join \(workspace.name)",
            words + (open.isOfUser ? "<p>The address has an account here already.</p>" + withKey(link) : form))
    }

    static func joined(_ workspace: Workspace, key: String?) -> [UInt8] {
        let words = key.map {
            """
            This is your personal key; it is shown this once, so keep it now:</p><pre>\($0.escapedForMarkup)</pre><p>\
            Use it with the command line:
            """
        }
        return page(
            "Welcome",
            """
            <p>You are a member of <b>\(workspace.name.escapedForMarkup)</b>. \
            \(words ?? "Use the key you have, with the command line:") \
            <code>agentos --key … --workspace \(workspace.slug.escapedForMarkup) agents list</code></p>
            """)
    }

    static func problem(_ error: AgentOSError, _ link: String) -> [UInt8] {
        let words = "<p>\(error.message.escapedForMarkup)</p>"
        guard error.code == .unauthenticated else { return page("This link does not work", words) }
        return page("Join with your key", words + withKey(link))
    }

    private static func withKey(_ link: String) -> String {
        """
        <p>Join from a terminal, with your personal key:</p><pre>curl -X POST -H "authorization: Bearer YOUR_KEY" \
        \(link.escapedForMarkup)</pre>
        """
    }

    private static func page(_ title: String, _ body: String) -> [UInt8] {
        Array(
            """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><title>\(title.escapedForMarkup)</title>
            <meta name="viewport" content="width=device-width,initial-scale=1"><style>
            body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}
            input,button{font:inherit;padding:.4rem .6rem}pre{background:#f5f6f8;padding:.7rem;overflow:auto}
            </style></head><body><h1>\(title.escapedForMarkup)</h1>\(body)</body></html>
            """.utf8)
    }
}
