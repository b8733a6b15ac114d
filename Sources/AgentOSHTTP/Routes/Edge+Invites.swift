import AgentOSCore
import AgentOSStore
import Foundation
import HTTPTypes
import Hummingbird

extension Edge {
    /// `GET /invites/<token>` shows what the link leads to, `POST` joins. Browsers get pages, programs get JSON. The
    /// link is the key.
    func invite(_ token: String, _ request: Request) async throws -> Reply {
        let wantsPage = request.headers[.accept]?.contains("text/html") == true
        do {
            var reply = try await inviteAnswer(token, request, wantsPage)
            reply.headers.append((.cacheControl, "no-store"))
            return reply
        } catch let error as AgentOSError where wantsPage {
            return .page(InvitePage.problem(error.message), status: error.code.status)
        }
    }

    private func inviteAnswer(_ token: String, _ request: Request, _ wantsPage: Bool) async throws -> Reply {
        guard request.method == .post else {
            let (invite, workspace) = try await services.members.open(token: token)
            if wantsPage { return .page(InvitePage.form(invite, workspace)) }
            return .data {
                $0.value([
                    "workspace": ["slug": .string(workspace.slug), "name": .string(workspace.name)],
                    "email": .string(invite.email), "role": .string(invite.role.word),
                    "expires_at": .time(invite.expiresAt),
                ])
            }
        }
        let name = try await joiningName(request)
        let trail = AuditTrail(
            operation: "invites_accept", workspace: try await services.members.open(token: token).workspace.ref.key,
            actor: .init(kind: "invite"), parameters: name.map { ["name": .string($0)] } ?? [:], clock: services.clock)
        let (invite, workspace, key) = try await AuditTrail.$current.withValue(trail) {
            try await services.members.accept(token: token, name: name)
        }
        if wantsPage { return .page(InvitePage.joined(workspace, key: key.text)) }
        return .data {
            $0.value([
                "workspace": ["slug": .string(workspace.slug), "name": .string(workspace.name)],
                "email": .string(invite.email), "role": .string(invite.role.word), "api_key": .string(key.text),
            ])
        }
    }

    /// The name of whoever joins: of a form, or of a JSON object; may be absent.
    private func joiningName(_ request: Request) async throws -> String? {
        let isForm = request.headers[.contentType]?.hasPrefix("application/x-www-form-urlencoded") == true
        return try await bodies.withBytes(of: request, limit: 16 << 10) { bytes -> String? in
            if bytes.isEmpty { return nil }
            var name: String?
            if isForm {
                var form = URLComponents()
                form.percentEncodedQuery = String(decoding: bytes, as: UTF8.self).replacingOccurrences(
                    of: "+", with: "%20")
                name = form.queryItems?.first { $0.name == "name" }?.value
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

/// What people see behind an invite's link.
private enum InvitePage {
    static func form(_ invite: Invite, _ workspace: Workspace) -> [UInt8] {
        page(
            "Join \(workspace.name)",
            """
            <p>You are invited to the workspace <b>\(workspace.name.escapedForMarkup)</b> as <b>\(invite.role.word)</b>, with the \
            address \(invite.email.escapedForMarkup).</p><form method="post"><label>Your name <input name="name" maxlength="120" \
            autocomplete="name"></label> <button>Join</button></form>
            """)
    }

    static func joined(_ workspace: Workspace, key: String) -> [UInt8] {
        page(
            "Welcome",
            """
            <p>You are a member of <b>\(workspace.name.escapedForMarkup)</b>. This is your personal key; it is shown this once, \
            so keep it now:</p><pre>\(key.escapedForMarkup)</pre><p>Use it with the command line: \
            <code>agentos --key … --workspace \(workspace.slug.escapedForMarkup) agents list</code></p>
            """)
    }

    static func problem(_ message: String) -> [UInt8] {
        page("This link does not work", "<p>\(message.escapedForMarkup)</p>")
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
