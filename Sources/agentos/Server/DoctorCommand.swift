import AgentOSCore
import AgentOSServer
import ArgumentParser

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check configuration, clock, disk, database and providers, and say what to do.",
        discussion: "Exits with 1 when a check found an error; warnings alone exit with 0.")

    @OptionGroup var flags: ServeFlags

    @Flag(help: "Print a JSON array.")
    var json = false

    @Flag(name: .customLong("rebuild-rollups"), help: "First make the figures by day anew out of the runs.")
    var rebuildRollups = false

    func run() async throws {
        if rebuildRollups {
            try await ServerCommand.rebuildRollups(flags.options)
            Output.note("The figures by day were made anew.")
        }
        let findings = try await ServerCommand.doctor(flags.options)
        if json {
            Output.json(
                .array(
                    findings.map { finding in
                        [
                            "level": .string(finding.level.rawValue), "check": .string(finding.check),
                            "message": .string(finding.message), "advice": .optional(finding.advice),
                        ]
                    }))
        } else {
            var table = Table("LEVEL", "CHECK", "FINDING")
            for finding in findings {
                let advice = finding.advice.map { " " + $0 } ?? ""
                table.add(finding.level.rawValue, finding.check, finding.message + advice)
            }
            table.print(whenEmpty: "Nothing was checked.")
        }
        let errors = findings.count { $0.level == .error }
        if errors > 0 { throw CommandFailure("\(errors) of \(findings.count) checks found an error.") }
    }
}
