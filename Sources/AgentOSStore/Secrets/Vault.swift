import AgentOSCore
import Crypto
import CryptoExtras

/// Encrypts what must be read again (provider keys, tool tokens) under the master key, and hashes what must not
/// (passwords). The master key never lies in the database.
public struct Vault: Sendable {
    private let key: SymmetricKey

    /// - Parameter masterKey: 32 bytes.
    public init(masterKey: [UInt8]) throws {
        guard masterKey.count == 32 else {
            throw AgentOSError(.internal, "The master key must have 32 bytes, not \(masterKey.count).")
        }
        key = SymmetricKey(data: masterKey)
    }

    /// AES-256-GCM with a random nonce; the context (what the secret belongs to) is authenticated with it, so that a
    /// stored secret cannot be moved to another row.
    public func seal(_ secret: String, context: String) throws -> [UInt8] {
        let box = try AES.GCM.seal(Array(secret.utf8), using: key, authenticating: Array(context.utf8))
        guard let combined = box.combined else { throw StoreError.damaged("a nonce") }
        return Array(combined)
    }

    /// - Throws: `AgentOSError` INTERNAL_ERROR when the master key is another one than at sealing.
    public func open(_ sealed: [UInt8], context: String) throws -> String {
        do {
            let box = try AES.GCM.SealedBox(combined: sealed)
            let bytes = try AES.GCM.open(box, using: key, authenticating: Array(context.utf8))
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            throw AgentOSError(
                .internal, "A stored secret cannot be read: the master key is not the one it was stored under.")
        }
    }

    /// `scrypt$<rounds>$<salt hex>$<hash hex>`
    public static func hash(password: String) throws -> String {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let rounds = 16384
        let hash = try KDF.Scrypt.deriveKey(
            from: Array(password.utf8), salt: salt, outputByteCount: 32, rounds: rounds, blockSize: 8, parallelism: 1)
        return "scrypt$\(rounds)$\(hex(salt))$" + hash.withUnsafeBytes { hex(Array($0)) }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
