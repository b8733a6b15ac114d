import AgentOSCore
import AgentOSServer
import ArgumentParser

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the whole store into a file, also while the server runs.",
        discussion: """
            Writes FILE and FILE.sha256. The copy holds neither the master key nor credentials.json: keep the key apart \
            from it. Needs as much room as the store.
            """)

    @Argument(help: "The file to write.")
    var file: String

    @OptionGroup var flags: FolderFlags

    func run() async throws {
        let (bytes, checksum) = try await ServerCommand.backup(flags.options, to: file)
        Output.line("\(file): \((bytes + 1_048_575) >> 20) MiB, sha256 \(checksum)")
    }
}

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup into a data folder whose server is stopped.",
        discussion: "Compares FILE with FILE.sha256 and checks the database before anything is changed.")

    @Argument(help: "The backup.")
    var file: String

    @Flag(help: "Move a store that is there aside, to agentos.db.before-restore-TIME.")
    var replace = false

    @OptionGroup var flags: FolderFlags

    func run() async throws {
        let done = try await ServerCommand.restore(flags.options, from: file, replace: replace)
        if let aside = done.aside { Output.line("The store that was there is now \(aside).") }
        Output.line("Restored \(file).")
        if !done.hasMasterKey {
            Output.note(
                "The folder has no master.key: put the old server's there, or set AGENTOS_MASTER_KEY, before you start "
                    + "the server; else stored provider keys and tokens cannot be read.")
        }
    }
}

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a workspace as lines of JSON, also while the server runs.",
        discussion: """
            Everything but secrets (provider keys, webhooks and their secrets, tokens of tools), open invites, jobs and \
            deliveries. An export that was cut off goes on with --resume.
            """)

    @Argument(help: "The file to write.")
    var file: String

    @Option(help: "The workspace's slug or id; needed when there are several.")
    var workspace: String?

    @Flag(help: "Go on with a file that was cut off.")
    var resume = false

    @Flag(help: "Print a JSON object.")
    var json = false

    @OptionGroup var flags: FolderFlags

    func run() async throws {
        let done = try await ServerCommand.export(flags.options, workspace: workspace, to: file, resume: resume)
        done.print(json, "Exported the workspace \(done.workspace) to \(file).")
    }
}

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Store an export in a data folder whose server is stopped.",
        discussion: """
            The file is checked first. Rows that are there already stay as they are, so that an import that was cut off is \
            run again. Schedules come in switched off; hosted runs that were under way come in as cancelled. Provider \
            keys, webhooks and tokens of tools have to be set anew.
            """)

    @Argument(help: "The export.")
    var file: String

    @Option(help: "Into this workspace, made when it is missing; default: the one it came from.")
    var workspace: String?

    @Flag(help: "Print a JSON object.")
    var json = false

    @OptionGroup var flags: FolderFlags

    func run() async throws {
        let done = try await ServerCommand.importWorkspace(flags.options, from: file, workspace: workspace) {
            [json] key in
            // At once: an import that is cut off and run again makes no other one.
            let text = "A key of the new workspace, shown this once: \(key)"
            if json { Output.note(text) } else { Output.line(text) }
        }
        done.print(
            json,
            "Imported into the workspace \(done.workspace): \(done.stored) rows; \(done.known) were there already, "
                + "\(done.orphans) refer to nothing.")
    }
}

/// Where the server's files are.
struct FolderFlags: ParsableArguments {
    @Option(help: "The data folder (default: ./agentos-data).")
    var data: String?

    @Option(help: "The configuration file (default: agentos.yaml, when there is one).")
    var config: String?

    var options: ServeOptions {
        var options = ServeOptions()
        options.data = data
        options.configFile = config
        return options
    }
}

extension TransferSummary {
    fileprivate func print(_ json: Bool, _ sentence: String) {
        if json {
            return Output.json([
                "workspace": .string(workspace), "tables": Self.json(tables), "stored": .int(stored),
                "known": .int(known), "orphans": .int(orphans), "workspace_key": .optional(key),
            ])
        }
        Output.line(sentence)
        var shown = agentos.Table("TABLE", "ROWS", "SHA-256")
        for (name, table) in tables.sorted(by: { $0.key < $1.key }) {
            shown.add(name, String(table.rows), table.checksum)
        }
        shown.print(whenEmpty: "It is empty.")
    }
}
