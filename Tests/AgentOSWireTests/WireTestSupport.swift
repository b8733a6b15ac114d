import AgentOSCore
import AgentOSWire

func checked(_ text: String) throws -> CheckedJSON { try checked(Array(text.utf8)) }

func checked(_ bytes: [UInt8]) throws -> CheckedJSON { try bytes.withUnsafeBytes { try CheckedJSON(object: $0) } }

/// The first field that a refusal names, and nil when nothing is refused. `""`: refused as a whole.
func refusedPath(_ body: () throws -> Void) throws -> String? {
    do {
        try body()
        return nil
    } catch let error as AgentOSError {
        guard error.code == .validation else { throw error }
        return error.details.first?.path ?? ""
    }
}

/// Lists in lists.
func nested(_ levels: Int) -> String {
    String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
}

let runText = "0190a3f2-1b2c-7d3e-8f40-5162738495a6"
