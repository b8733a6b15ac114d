import AgentOSCore
import AgentOSOutbound
import AgentOSRuntime
import AgentOSStore
import Logging

/// Everything that happens without anybody asking at that moment: schedules, webhooks, alerts, mail, reports, evals.
/// Each is a job, enqueued in the transaction of its cause.
public final class Automation: Sendable {
    public let stores: Stores
    public let runtime: Runtime
    public let outbound: OutboundClient
    public let providers: ProviderDirectory
    public let settings: AutomationSettings
    public let logger: Logger

    public var reporter: Reporter { Reporter(stores: stores, providers: providers, logger: logger) }

    public init(
        stores: Stores, runtime: Runtime, outbound: OutboundClient, providers: ProviderDirectory,
        settings: AutomationSettings, logger: Logger
    ) {
        self.stores = stores
        self.runtime = runtime
        self.outbound = outbound
        self.providers = providers
        self.settings = settings
        self.logger = logger
    }

    /// Says who works on which kind of job.
    public func registerJobs(_ dispatcher: JobDispatcher) {
        let sender = WebhookSender(stores: stores, outbound: outbound, waits: settings.webhookRetrySeconds)
        dispatcher.registerSettling(
            DeliveryStore.deliverJob,
            policy: .init(attempts: 100, longest: 60, places: ReceiverGate.allPlaces, rateWhenBusy: 1000)
        ) { [queue = stores.queue] job in
            guard let delivery = job.payload["delivery"]?.intValue else { return try await queue.done(job) }
            try await sender.deliver(Int64(delivery), for: job)
        }
        let mail = MailSender(
            stores: stores, server: settings.mailServer, address: settings.publicAddress, logger: logger)
        dispatcher.register(OutgoingMail.job, policy: .init(attempts: 12, first: 5, longest: 600, places: 8)) { job in
            try await mail.send(job)
        }
        let alerts = AlertEvaluator(stores: stores)
        dispatcher.register(AlertStore.evaluateJob, policy: .init(attempts: 100, longest: 60)) { job in
            guard let rule = job.payload["rule"]?.intValue else { return }
            try await alerts.evaluate(rule: Int64(rule))
        }
        dispatcher.register(RetentionStore.sweepJob, policy: .init(attempts: 1000, longest: 600, places: 2)) {
            [stores] job in
            guard let workspace = job.payload["workspace"]?.intValue else { return }
            try await stores.retention.sweep(workspace: Int64(workspace))
        }
        let evals = EvalRunner(stores: stores, runtime: runtime, judge: EvalJudge(providers: providers))
        dispatcher.register(EvalStore.runJob, policy: .init(attempts: 20, longest: 60, places: 8)) { job in
            guard let run = job.payload["eval_run"]?.intValue else { return }
            try await evals.run(Int64(run))
        }
        dispatcher.register(ReportStore.scheduledJob, policy: .init(attempts: 50, longest: 600, places: 4)) {
            [reporter] job in
            guard let workspace = job.payload["workspace"]?.intValue else { return }
            try await reporter.scheduled(workspace: Int64(workspace))
        }
        let schedules = ScheduleRunner(stores: stores, runtime: runtime)
        dispatcher.register(ScheduleStore.fireJob, policy: .init(attempts: 100, longest: 60, places: 64)) { job in
            guard let agent = job.payload["agent"]?.intValue else { return }
            try await schedules.fire(agentKey: Int64(agent))
        }
    }
}
