import AgentOSCore
import AgentOSWire

/// What the server says about itself.
extension DataPlane {
    static let server: [Call] = [
        Call(
            name: "healthz", method: "get", path: "/healthz", group: "server", summary: "Says that the process lives.",
            answers: [Answer(status: "200", summary: "It does.", shape: .object([("status", .string)]))], isOpen: true,
            isRefusable: false),
        Call(
            name: "readyz", method: "get", path: "/readyz", group: "server",
            summary: "Says whether the server takes requests.",
            answers: [
                Answer(status: "200", summary: "It does.", shape: .object([("status", .string)])),
                Answer(
                    status: "503", summary: "It does not.", shape: .named("Unready", .freeObject), isEnveloped: false),
            ], isOpen: true, isRefusable: false),
        text("metrics", "/metrics", "Numbers about the server, for Prometheus.", "text/plain"),
        text("docs", "/docs", "The control plane's methods as a page.", "text/html"),
        Call(
            name: "openapi", method: "get", path: "/openapi.json", group: "server", summary: "This description.",
            answers: [Answer(status: "200", summary: "It.", shape: .freeObject, isEnveloped: false)], isOpen: true,
            isRefusable: false),
    ]

    private static func text(_ name: String, _ path: String, _ summary: String, _ type: String) -> Call {
        Call(
            name: name, method: "get", path: path, group: "server", summary: summary,
            answers: [
                Answer(status: "200", summary: "Text.", shape: .string, contentType: type, isEnveloped: false)
            ], isOpen: true, isRefusable: false)
    }
}
