/// When something happens again and again, by the clock on a wall somewhere.
public struct ScheduleRule: Sendable {
    public enum Pattern: Sendable {
        case daily(minute: Int)
        /// 0 is Sunday.
        case weekly(day: Int, minute: Int)
        case cron(CronExpression)
    }

    /// Cron's rarest day, the 29th of February, is at most eight years away.
    private static let horizonDays: Int64 = 366 * 9

    public let pattern: Pattern
    public let local: LocalTime

    public init(_ pattern: Pattern, in local: LocalTime) {
        self.pattern = pattern
        self.local = local
    }

    /// The first time after a moment. A local time that is skipped when clocks go forward counts as the next minute there
    /// is; one that comes twice counts once, the first time, unless the rule is of every hour.
    public func next(after time: Timestamp) -> Timestamp? {
        // The day before too: its last moments can come late.
        let first = local.day(of: time).number - 1
        for number in first...(first + Self.horizonDays) {
            let day = LocalTime.Day(number: number)
            switch pattern {
            case .daily(let minute):
                let moment = local.moment(day, minute: minute)
                if moment > time { return moment }
            case .weekly(let weekday, let minute):
                guard day.weekday == weekday else { continue }
                let moment = local.moment(day, minute: minute)
                if moment > time { return moment }
            case .cron(let cron):
                guard cron.matches(day) else { continue }
                if cron.isOfEveryHour, local.isChanged(around: day) {
                    guard let moment = everyHour(cron, day, after: time) else { continue }
                    return moment
                }
                for hour in cron.hours {
                    for minute in cron.minutes {
                        let moment = local.moment(day, minute: hour * 60 + minute)
                        if moment > time { return moment }
                    }
                }
            }
        }
        return nil
    }

    /// What runs every hour keeps on when the clocks are changed: in the hour that comes
    /// twice it fires both times, for the one that is skipped it does not make up.
    private func everyHour(_ cron: CronExpression, _ day: LocalTime.Day, after time: Timestamp) -> Timestamp? {
        var earliest: Timestamp?
        for hour in cron.hours {
            for minute in cron.minutes {
                for moment in local.moments(day, minute: hour * 60 + minute) where moment > time {
                    earliest = min(earliest ?? moment, moment)
                }
            }
        }
        return earliest
    }

    /// The next so many times.
    public func upcoming(after time: Timestamp, count: Int) -> [Timestamp] {
        var out: [Timestamp] = []
        var last = time
        while out.count < count, let next = next(after: last) {
            out.append(next)
            last = next
        }
        return out
    }
}
