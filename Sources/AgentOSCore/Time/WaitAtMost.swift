/// Waits for something, but no longer than so many seconds. `wait` must return early when its task is cancelled.
public func waitAtMost(seconds: Double, _ wait: @escaping @Sendable () async -> Void) async {
    await withTaskGroup(of: Void.self) { group in
        group.addTask { await wait() }
        group.addTask { try? await Task.sleep(for: .seconds(seconds)) }
        await group.next()
        group.cancelAll()
    }
}
