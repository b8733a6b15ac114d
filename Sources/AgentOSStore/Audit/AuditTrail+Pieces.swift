extension Optional where Wrapped == AuditTrail {
    /// Runs a piece of a larger transaction and records the row it changes by itself; without a trail it is just run.
    @discardableResult
    func around<T>(
        _ target: AuditTarget, _ connection: any SQLConnection, _ body: (any SQLConnection) throws -> T
    ) throws -> T {
        switch self {
        case .none: return try body(connection)
        case .some(let trail): return try trail.around(target, connection, body)
        }
    }
}
