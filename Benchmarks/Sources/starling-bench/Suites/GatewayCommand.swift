import ArgumentParser

/// The `gateway` suite: what HTTP and JSON cost, beside the same operations over TCP.
struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Requests a second through HTTP, beside the same over TCP.",
        discussion: """
            Needs wrk. Of the HTTP side wrk's own processor time is a part of the two processors.

            Example: starling-bench gateway
            """)

    @OptionGroup var options: SuiteOptions
    @Option(help: "Seconds of a run.") var seconds = 5.0

    func validate() throws { guard seconds > 0 else { throw ValidationError("--seconds must be positive") } }

    private static let inFlight = 16

    func run() throws {
        ChildProcesses.shared.endOnSignals()
        guard let wrk = Peers.path(of: "wrk").map(WrkProgram.init(path:)) else {
            throw ProgramError(text: "wrk is not installed: apt-get install wrk")
        }
        var report = options.report(
            "gateway", "The gateway: HTTP beside TCP",
            configuration: [
                "One daemon, 2 workers, acknowledgement after the disk has it; 50 connections, no TLS, no authentication.",
                "HTTP: wrk with one thread. TCP: the harness's load with one thread.",
            ])
        let measurement = try GatewayMeasurement(options: options, seconds: options.quick ? 1 : seconds)
        defer { measurement.stop() }
        var sides: [Turns.Side] = []
        for operation in GatewayMeasurement.Operation.allCases {
            sides.append(Turns.Side(Self.http(operation)) { try measurement.http(operation, wrk) })
            for inFlight in [1, Self.inFlight] {
                sides.append(
                    Turns.Side(Self.tcp(operation, inFlight)) { try measurement.tcp(operation, inFlight: inFlight) })
            }
        }
        let section = try Turns(runs: options.runCount).measure(
            "Requests a second", about: "50 connections; HTTP has one request in flight on each.",
            columns: GatewayMeasurement.columns, sides)
        report.sections = [section]
        for operation in GatewayMeasurement.Operation.allCases {
            report.note(
                "\(operation.rawValue): TCP with one in flight to HTTP",
                section.ratio(Self.tcp(operation, 1), to: Self.http(operation)))
        }
        try report.publish(to: options.output, plots: report.sections.map { BarPlot($0) })
    }

    private static func http(_ operation: GatewayMeasurement.Operation) -> String { "HTTP, \(operation.rawValue)" }
    private static func tcp(_ operation: GatewayMeasurement.Operation, _ inFlight: Int) -> String {
        "TCP, \(operation.rawValue), \(inFlight) in flight"
    }
}
