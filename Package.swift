// swift-tools-version: 6.2
import PackageDescription

// Who may import whom is held by Scripts/check-imports; keep its table in step with the dependencies below.

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "agentos",
    products: [
        .executable(name: "agentos", targets: ["agentos"]),
        .library(name: "AgentOSClient", targets: ["AgentOSClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1"),
        .package(url: "https://github.com/groue/GRDB.swift.git", exact: "7.10.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections.git", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration.git", exact: "1.4.0"),
        .package(url: "https://github.com/jpsim/Yams.git", exact: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CMail", linkerSettings: [.linkedLibrary("curl")]),
        .systemLibrary(name: "CLibXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
        .target(
            name: "CSimdJSON",
            linkerSettings: [.linkedLibrary("simdjson")]),

        .target(
            name: "AgentOSCore", dependencies: [deque], resources: [.embedInCode("Money/prices.json")]),
        .target(name: "AgentOSWire", dependencies: ["AgentOSCore", "CSimdJSON", "CZlib"]),
        .target(name: "AgentOSStore", dependencies: ["AgentOSCore", "CZstd", crypto, cryptoExtras, deque]),
        .target(
            name: "AgentOSSQLite",
            dependencies: [
                "AgentOSCore", "AgentOSStore", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        .target(
            name: "AgentOSOutbound", dependencies: ["AgentOSCore", asyncHTTPClient, nioCore, nioHTTP1, nioPosix]),
        .target(name: "AgentOSProviders", dependencies: ["AgentOSCore", "AgentOSOutbound"]),
        .target(name: "AgentOSMCP", dependencies: ["AgentOSCore", "AgentOSOutbound"]),
        .target(
            name: "AgentOSRuntime",
            dependencies: [
                "AgentOSCore", "AgentOSWire", "AgentOSStore", "AgentOSOutbound", "AgentOSProviders", "AgentOSMCP",
                "CLibXML2", log, deque,
            ]),
        .target(
            name: "AgentOSAutomation",
            dependencies: [
                "AgentOSCore", "AgentOSWire", "AgentOSStore", "AgentOSOutbound", "AgentOSProviders", "AgentOSRuntime",
                "CMail", log, crypto, deque,
            ]),
        .target(
            name: "AgentOSControl",
            dependencies: [
                "AgentOSAutomation",
                "AgentOSCore", "AgentOSWire", "AgentOSStore", "AgentOSProviders", "AgentOSMCP", "AgentOSRuntime", yams,
            ], resources: [.embedInCode("Marketplace/templates.yaml")]),
        .target(
            name: "AgentOSHTTP",
            dependencies: [
                "AgentOSCore", "AgentOSWire", "AgentOSStore", "AgentOSRuntime", "AgentOSAutomation", "AgentOSControl",
                hummingbird, nioCore, nioHTTP1, nioHTTPTypes, httpTypes, log,
            ]),
        .target(
            name: "AgentOSServer",
            dependencies: [
                "AgentOSCore", "AgentOSWire", "AgentOSStore", "AgentOSSQLite", "AgentOSOutbound", "AgentOSProviders",
                "AgentOSRuntime", "AgentOSAutomation", "AgentOSControl", "AgentOSHTTP", hummingbird, lifecycle, log,
                nioCore, configuration,
                yams,
            ]),
        .target(name: "AgentOSClient", dependencies: ["AgentOSCore", asyncHTTPClient, nioCore]),
        .executableTarget(
            name: "agentos",
            dependencies: ["AgentOSCore", "AgentOSClient", "AgentOSServer", argumentParser, yams]),

        .target(
            name: "AgentOSTestSupport",
            dependencies: [
                "AgentOSCore", "AgentOSWire", "AgentOSStore", "AgentOSSQLite", "AgentOSOutbound", "AgentOSProviders",
                "AgentOSRuntime", "AgentOSControl", "AgentOSHTTP", "AgentOSServer", hummingbird, httpTypes, lifecycle,
                nioCore, nioPosix, log,
            ]),
        // Lets the providers' own clients check the fake provider; not part of the product.
        .executableTarget(name: "FakeProviderTool", dependencies: ["AgentOSCore", "AgentOSTestSupport"]),
        .testTarget(
            name: "AgentOSCoreTests", dependencies: ["AgentOSCore", "AgentOSTestSupport"], exclude: ["Fixtures"]),
        .testTarget(name: "AgentOSWireTests", dependencies: ["AgentOSWire", "AgentOSCore", "AgentOSTestSupport"]),
        .testTarget(
            name: "AgentOSStoreTests",
            dependencies: ["AgentOSStore", "AgentOSSQLite", "AgentOSCore", "AgentOSTestSupport"]),
        .testTarget(
            name: "AgentOSOutboundTests", dependencies: ["AgentOSOutbound", "AgentOSCore", "AgentOSTestSupport"]),
        .testTarget(
            name: "AgentOSProvidersTests",
            dependencies: ["AgentOSProviders", "AgentOSOutbound", "AgentOSCore", "AgentOSTestSupport"]),
        .testTarget(
            name: "AgentOSRuntimeTests",
            dependencies: ["AgentOSRuntime", "AgentOSStore", "AgentOSWire", "AgentOSCore", "AgentOSTestSupport"]),
        .testTarget(
            name: "AgentOSControlTests",
            dependencies: ["AgentOSControl", "AgentOSStore", "AgentOSCore", "AgentOSTestSupport"]),
        .testTarget(
            name: "AgentOSHTTPTests",
            dependencies: ["AgentOSHTTP", "AgentOSClient", "AgentOSStore", "AgentOSCore", "AgentOSTestSupport"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
