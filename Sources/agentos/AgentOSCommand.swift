import AgentOSServer
import ArgumentParser
import Foundation

/// The `agentos` command: the server, and everything one does to it from a terminal.
@main
struct AgentOSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agentos",
        abstract: "A self-hosted server that records and runs AI agents.",
        discussion: """
            Commands that talk to a server find it by --url, --key and --workspace, or by AGENTOS_BASE_URL, \
            AGENTOS_API_KEY and AGENTOS_WORKSPACE. Without a key, the workspace key in ./agentos-data/credentials.json \
            is used for a server on this machine.

            Exit codes: 0 ok, 1 failed, 2 usage, 3 not authorised, 4 not found.
            """,
        version: "agentos \(ServerCommand.version)",
        subcommands: [
            ServeCommand.self, InitCommand.self, DoctorCommand.self, VersionCommand.self, AgentsCommand.self,
            ApplyCommand.self, KeysCommand.self, InvokeCommand.self, ReplyCommand.self, ApprovalsCommand.self,
            RunsCommand.self, TailCommand.self, RPCCommand.self, MCPCommand.self,
            EvalCommand.self, BackupCommand.self, RestoreCommand.self, ExportCommand.self, ImportCommand.self,
            NounCommand<Nouns.Folders>.self, NounCommand<Nouns.Members>.self,
            NounCommand<Nouns.Workspaces>.self, NounCommand<Nouns.WorkspaceKeys>.self,
            NounCommand<Nouns.UserKeys>.self, NounCommand<Nouns.Versions>.self,
            NounCommand<Nouns.Search>.self, NounCommand<Nouns.AuditLog>.self,
            NounCommand<Nouns.Usage>.self, NounCommand<Nouns.Fleet>.self,
            NounCommand<Nouns.Schedules>.self, NounCommand<Nouns.Webhooks>.self,
            NounCommand<Nouns.Alerts>.self, NounCommand<Nouns.Notifications>.self,
            NounCommand<Nouns.Reports>.self, NounCommand<Nouns.Cases>.self,
            NounCommand<Nouns.Jobs>.self, NounCommand<Nouns.Retention>.self,
            NounCommand<Nouns.Conversations>.self, NounCommand<Nouns.Resources>.self,
            NounCommand<Nouns.Tools>.self, NounCommand<Nouns.MCPServers>.self,
            NounCommand<Nouns.Providers>.self, NounCommand<Nouns.Budgets>.self,
            NounCommand<Nouns.Marketplace>.self, NounCommand<Nouns.Integrations>.self,
        ])

    static func main() async {
        Output.fillClosedStreams()
        do {
            let arguments = Array(ProcessInfo.processInfo.arguments.dropFirst())
            var command = try parseAsRoot(ServerOptions.behind(arguments))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            end(.ok)
        } catch {
            end(report(error))
        }
    }

    private static func end(_ status: ExitStatus) -> Never { Foundation.exit(status.rawValue) }

    /// Prints what went wrong as one line and says what to exit with.
    private static func report(_ error: any Error) -> ExitStatus {
        if let failure = CommandFailure(error) {
            Output.error(failure.message)
            return failure.status
        }
        let code = exitCode(for: error)
        if code.isSuccess {
            Output.line(fullMessage(for: error))
            return .ok
        }
        // The parser's own text is the problem, the usage, and where to find help, a line each.
        let lines = fullMessage(for: error).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        guard code == .validationFailure else {
            if let first = lines.first { Output.error(first.removingPrefix("Error: ")) }
            return .failed
        }
        let help = lines.last { $0.hasPrefix("See '") }
        let problem = message(for: error).split(separator: "\n").first.map(String.init) ?? "Wrong usage."
        let sentence = problem.hasSuffix(".") ? problem : problem + "."
        Output.error(help.map { "\(sentence) \($0)" } ?? sentence)
        return .usage
    }
}

extension String {
    fileprivate func removingPrefix(_ prefix: String) -> String {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
    }
}
