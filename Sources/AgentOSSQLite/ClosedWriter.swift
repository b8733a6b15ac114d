import AgentOSStore

/// Stands for the writing connection once that is closed: whatever it is asked for is an error.
final class ClosedWriter: SQLWriter {
    var hasNewJobs = false
    var author: AuditTrail.Actor?
    let dialect = Dialect.sqlite
    let isInsideTransaction = false

    @discardableResult
    func run(_ sql: String, _ arguments: [SQLValue]) throws -> Int { throw StoreError.closed }

    func each(_ sql: String, _ arguments: [SQLValue], _ body: (any SQLRow) throws -> Bool) throws {
        throw StoreError.closed
    }

    func begin() throws { throw StoreError.closed }

    func commit() throws { throw StoreError.closed }

    func rollback() {}

    func savepoint(_ body: () throws -> Void) throws { throw StoreError.closed }

    func maintain(idle: Bool) {}
}
