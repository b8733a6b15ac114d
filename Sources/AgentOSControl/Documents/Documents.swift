/// The interface described, made once.
public struct Documents: Sendable {
    public let openAPI: OpenAPIDocument
    public let reference: ReferencePage

    public init(_ registry: OperationRegistry, version: String) {
        openAPI = OpenAPIDocument(registry.operations, version: version)
        reference = ReferencePage(registry.operations)
    }
}
