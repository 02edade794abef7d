/* Made-up answers of the API that look like traffic, the same for the same question at the same time: for `npm run dev`
 * and for the pictures that test/browser compares. Never part of a build. */

/** What the answers go by; a test sets it. */
export const world = { now: () => Date.now(), empty: false };

const DAY = 86_400_000;

const VALUES: Record<string, string[]> = {
    SrcAS: ["15169: GOOGLE", "2906: AS-SSI", "36040: YOUTUBE", "32934: FACEBOOK", "16509: AMAZON-02", "20940: AKAMAI-ASN1",
        "13335: CLOUDFLARENET", "8075: MICROSOFT-CORP-MSN-AS-BLOCK", "54113: FASTLY", "46489: TWITCH", "714: APPLE-ENGINEERING",
        "6185: APPLE-AUSTIN", "12322: PROXAD Free SAS", "3215: Orange S.A.", "5410: Bouygues Telecom SA", "15557: SFR SA",
        "16276: OVH SAS", "24940: HETZNER-AS", "60068: CDN77", "22822: LLNW"],
    DstAS: ["64501: Example Access", "64502: Example Mobile", "64503: Example Business", "64504: Example Campus"],
    EType: ["IPv4", "IPv6"],
    Proto: ["TCP", "UDP", "ESP", "GRE", "ICMP", "IPv6-ICMP"],
    SrcPort: ["443", "80", "3478", "22", "53", "8080", "1935", "4500", "51820", "123"],
    DstPort: ["443", "49152", "51212", "60412", "3478", "4500", "22", "53"],
    SrcCountry: ["US", "FR", "DE", "NL", "GB", "IE", "SE", "CA", "JP", "BR"],
    DstCountry: ["FR", "DE", "BE"],
    ExporterName: ["th2-edge1.example.com", "dc3-edge1.example.com", "ams9-edge1.example.com", "fra5-edge2.example.com"],
    InIfProvider: ["cogent", "telia", "lumen", "decix", "amsix", "google", "netflix"],
    InIfConnectivity: ["transit", "ix", "pni", "ppni"],
    InIfName: ["Gi0/0/0", "Gi0/0/1", "Te0/0/2", "Hu0/0/5"],
    InIfDescription: ["Transit: Cogent 1-3834938493", "IX: DECIX", "PNI: Netflix (WL6-1190)", "Core"],
    InIfBoundary: ["external", "internal"],
    OutIfBoundary: ["internal", "external"],
    PacketSizeBucket: ["64-127", "128-255", "512-767", "1024-1279", "1280-1500"],
    SrcAddr: ["203.0.113.10", "203.0.113.42", "198.51.100.7", "2001:db8:cafe::12", "192.0.2.91", "2001:db8:1::1"],
    DstAddr: ["198.51.100.14", "2001:db8:2::a4", "192.0.2.188"],
};
const PLAIN = ["ExporterAddress", "ExporterGroup", "ExporterRole", "ExporterSite", "ExporterRegion", "ExporterTenant", "SrcNetName",
    "DstNetName", "SrcNetRole", "SrcNetSite", "OutIfName", "OutIfDescription", "OutIfProvider", "OutIfConnectivity", "InIfSpeed",
    "OutIfSpeed", "ForwardingStatus", "FlowDirection", "Dst1stAS", "Dst2ndAS", "Dst3rdAS", "DstASPath", "DstCommunities",
    "SrcNetPrefix", "DstNetPrefix", "PacketSize"];
const DIMENSIONS = [...Object.keys(VALUES), ...PLAIN];

const CONFIGURATION = {
    version: "0.1.0-mock",
    defaultVisualizeOptions: {
        graphType: "stacked", start: "6 hours ago", end: "now", filter: "InIfBoundary = external", dimensions: ["SrcAS"],
        limit: 10, limitType: "avg", bidirectional: false, previousPeriod: false,
    },
    defaultFilterNote: null,
    dimensionsLimit: 50,
    dimensions: DIMENSIONS,
    truncatable: ["SrcAddr", "DstAddr"],
    homepageTopWidgets: ["src-as", "src-port", "protocol", "src-country", "etype"],
    branding: false,
};

/** Deterministic noise in [0, 1). */
function noise(seed: number): number {
    const x = Math.sin(seed * 12.9898) * 43758.5453;
    return x - Math.floor(x);
}

/** A day's curve with its peak in the evening, 0.35 to 1. */
function curve(at: number, shift = 0): number {
    const hour = ((at / 3_600_000 + shift) % 24) - 20;
    return 0.35 + 0.65 * Math.exp(-(Math.min(Math.abs(hour), 24 - Math.abs(hour)) ** 2) / 40);
}

function value(at: number, row: number, width: number): number {
    const slow = noise(Math.floor(at / 1_800_000) + row * 77);
    const fast = noise(Math.floor(at / width) * 1.37 + row * 131);
    return (9e9 / (row + 1.4) ** 1.15) * curve(at, (row % 5) - 2) * (0.82 + 0.22 * slow + 0.12 * fast);
}

function tuples(dimensions: string[], limit: number): string[][] {
    if (dimensions.length === 0) return [[]];
    const rows: string[][] = [];
    for (let i = 0; i < limit; i++) {
        rows.push(dimensions.map((d, j) => {
            const values = VALUES[d] ?? Array.from({ length: 8 }, (_, k) => `${d.toLowerCase()}-${k + 1}`);
            return values[j === 0 ? i % values.length : (i * 7 + j) % values.length]!;
        }));
    }
    const unique = rows.filter((r, i) => rows.findIndex((o) => o.join("\0") === r.join("\0")) === i);
    return [...unique, dimensions.map(() => "Other")];
}

interface GraphRequest {
    start: string; end: string; points: number; dimensions: string[]; limit: number; units: string; filter: string;
    bidirectional: boolean; "previous-period": boolean;
}

function statistics(points: number[][], seconds: number, units: string) {
    const sorted = points.map((p) => [...p].sort((a, b) => a - b));
    const sum = points.map((p) => p.reduce((a, b) => a + b, 0));
    return {
        average: points.map((p, i) => sum[i]! / p.length),
        min: sorted.map((p) => p.find((v) => v > 0) ?? 0),
        max: sorted.map((p) => p.at(-1) ?? 0),
        last: points.map((p) => p.at(-2) ?? 0),
        "95th": sorted.map((p) => p[Math.floor(p.length * 0.95)] ?? 0),
        ...(units.includes("%") ? {} : { total: sum.map((s) => s * seconds) }),
    };
}

function line(q: GraphRequest) {
    const start = Date.parse(q.start), end = Date.parse(q.end);
    const seconds = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86400].find((s) => (end - start) / 1000 / s <= q.points) ?? 86400;
    const width = seconds * 1000, from = Math.floor(start / width) * width;
    const t: number[] = [];
    for (let at = from; at < end; at += width) t.push(at);
    const scale = { l3bps: 1, l2bps: 1.04, pps: 1 / 9000, fps: 1 / 4e6, "inl2%": 100 / 4e10, "outl2%": 100 / 6e10 }[q.units] ?? 1;
    const base = tuples(q.dimensions, q.limit);
    const rows: string[][] = [], points: number[][] = [], axis: number[] = [];
    const add = (tuple: string[], no: number, factor: (at: number) => number) => {
        rows.push(tuple);
        axis.push(no);
        points.push(t.map((at) => {
            const partial = at + width > world.now() ? Math.max(0, (world.now() - at) / width) * 0.6 : 1;
            return factor(at) * scale * partial;
        }));
    };
    const rank = (i: number) => (q.dimensions.length && i === base.length - 1 ? 2 : i);
    base.forEach((tuple, i) => add(tuple, 1, (at) => value(at, rank(i), width) * (q.dimensions.length ? 1 : 4)));
    if (q.bidirectional) base.forEach((tuple, i) => add(tuple, 2, (at) => value(at, rank(i) + 3, width) * 0.3));
    if (q["previous-period"]) add(base[0]!.map(() => "Other"), 3, (at) => 5.1 * value(at - DAY, 1, width));
    const missing = end - start > 2 * 3_600_000
        ? [{ start: new Date(from + width * Math.floor(t.length * 0.3)).toISOString(),
             end: new Date(from + width * Math.floor(t.length * 0.33)).toISOString(), reason: "the collector was stopped" }]
        : [];
    const note = q.units.includes("%") ? ["6 interfaces have no speed: left out of the percentage"] : [];
    return {
        t: t.map((x) => new Date(x).toISOString()), rows, points, axis,
        "axis-names": { 1: "Direct", 2: "Reverse", 3: "Previous day" }, ...statistics(points, seconds, q.units),
        table: seconds >= 300 ? "flows_5m0s" : "flows_1m0s", interval: seconds, missing, note,
        "incomplete-from": end > world.now() - width ? new Date(t.at(-1)!).toISOString() : null,
    };
}

function sankey(q: GraphRequest) {
    const combine = (i: number) => q.dimensions.map((d, j) => (i % (5 + j) === 4 ? "Other" : (VALUES[d] ?? [d])[(i * (j + 1)) % Math.min(6, (VALUES[d] ?? [d]).length)]!));
    const rows: string[][] = [], xps: number[] = [], axis: number[] = [];
    for (const no of q.bidirectional ? [1, 2] : [1]) {
        for (let i = 0; i < 24; i++) {
            rows.push(combine(i));
            xps.push(value(Date.parse(q.start), i + no, 60_000) / 2);
            axis.push(no);
        }
    }
    return { rows, xps, axis, "axis-names": { 1: "Direct", 2: "Reverse" }, nodes: [], links: [], table: "flows_1m0s", note: [] };
}

const FLOW_COLUMNS: [string, string][] = [["TimeReceived", "time"], ["ExporterName", "text"], ["InIfName", "text"], ["OutIfName", "text"], ["SrcAddr", "address"],
    ["SrcPort", "number"], ["DstAddr", "address"], ["DstPort", "number"], ["Proto", "protocol"], ["SrcAS", "asn"], ["DstAS", "asn"], ["Bytes", "number"],
    ["Packets", "number"], ["SamplingRate", "number"]];

function flows(q: { limit: number }) {
    if (world.empty) return { columns: [], rows: [], more: false };
    const of = (column: string, i: number) => VALUES[column]![Math.floor(noise(i * 7 + column.length) * VALUES[column]!.length)]!;
    const rows = Array.from({ length: Math.min(q.limit, 40) }, (_, i) => {
        const at = new Date(world.now() - 3000 - i * 1700).toISOString().slice(0, 19) + "Z";
        const packets = 1 + Math.floor(6 * noise(i));
        return [at, of("ExporterName", i), of("InIfName", i), "Gi0/0/10", of("SrcAddr", i), Number(of("SrcPort", i)), of("DstAddr", i), Number(of("DstPort", i)),
            of("Proto", i), of("SrcAS", i), of("DstAS", i), packets * Math.floor(80 + 1400 * noise(i + 9)), packets, 1000];
    });
    return { columns: FLOW_COLUMNS.map(([name, kind]) => ({ name, kind })), rows, more: true, table: "flows", note: [] };
}

const FLOW = {
    TimeReceived: () => new Date(world.now() - 3000).toISOString().slice(0, 19) + "Z",
    SamplingRate: () => 1000, ExporterAddress: () => "::ffff:192.0.2.101", ExporterName: () => "th2-edge1.example.com",
    ExporterGroup: () => "edge", ExporterRole: () => "edge", ExporterSite: () => "th2", ExporterRegion: () => "europe", ExporterTenant: () => "",
    SrcAddr: () => "::ffff:216.58.206.244", DstAddr: () => "::ffff:192.0.2.144", SrcNetMask: () => 24, DstNetMask: () => 24,
    SrcNetPrefix: () => "216.58.206.0/24", DstNetPrefix: () => "192.0.2.0/24", SrcAS: () => 15169, DstAS: () => 64501,
    SrcCountry: () => "US", DstCountry: () => "FR", SrcNetName: () => "", DstNetName: () => "ipv4-customers", InIfName: () => "Gi0/0/0", OutIfName: () => "Gi0/0/10",
    InIfDescription: () => "Transit: Cogent 1-3834938493", OutIfDescription: () => "core", InIfSpeed: () => 100000, OutIfSpeed: () => 100000,
    InIfConnectivity: () => "transit", OutIfConnectivity: () => "", InIfProvider: () => "cogent", OutIfProvider: () => "", InIfBoundary: () => "external",
    OutIfBoundary: () => "internal", EType: () => 2048, Proto: () => 6, SrcPort: () => 443, DstPort: () => 34974, Bytes: () => "1500", Packets: () => "1",
    PacketSize: () => 1500, PacketSizeBucket: () => "1280-1500", ForwardingStatus: () => 64, FlowDirection: () => "ingress", DstASPath: () => [64501], DstCommunities: () => ["64501:100"],
};

const TOPS: Record<string, string> = {
    "src-as": "SrcAS", "dst-as": "DstAS", "src-country": "SrcCountry", "dst-country": "DstCountry", exporter: "ExporterName",
    protocol: "Proto", etype: "EType", "src-port": "SrcPort", "dst-port": "DstPort",
};

function top(name: string) {
    const values = VALUES[TOPS[name] ?? ""] ?? [];
    const weights = values.map((_, i) => (1 / (i + 1.3) ** 1.2) * (0.9 + 0.2 * noise(i + name.length)));
    const sum = weights.reduce((a, b) => a + b, 0);
    const label = (v: string) => (name.endsWith("port") ? `${v === "3478" ? "UDP" : "TCP"}/${v}` : v);
    return values.slice(0, 5).map((v, i) => ({ name: label(v), percent: (100 * weights[i]!) / sum }));
}

function traffic() {
    const width = DAY / 200, end = Math.floor(world.now() / width) * width;
    const data = Array.from({ length: 201 }, (_, i) => {
        const at = end - (200 - i) * width;
        return { t: new Date(at).toISOString(), gbps: (4.5 * value(at, 0, width)) / 1e9 * (i === 200 ? 0.2 : 1) };
    });
    return { data, interval: width / 1000, "incomplete-from": new Date(end).toISOString(), missing: [] };
}

export function validate(filter: string) {
    const stripped = filter.replace(/--[^\n]*|\/\*[^]*?\*\//g, (m) => " ".repeat(m.length));
    const known = new Set([...DIMENSIONS.map((d) => d.toLowerCase()), "bytes", "packets", "dstaddrnat"]);
    for (const m of stripped.matchAll(/(?:^|\bAND\b|\bOR\b|\bNOT\b|\()\s*([A-Za-z]\w*)/gi)) {
        const word = m[1]!;
        if (known.has(word.toLowerCase()) || /^(and|or|not|as\d+)$/i.test(word) || /\bin\s*\($/i.test(stripped.slice(0, m.index + 1))) continue;
        return problem(filter, m.index + m[0].length - word.length, `unknown column ${word}`);
    }
    const operand = /(=|<|>|!=|<<)\s*(AND\b|OR\b|$)/i.exec(stripped);
    if (operand) return problem(filter, operand.index + operand[1]!.length, "expected a value");
    return { message: "ok", parsed: filter, errors: [] };
}

function problem(filter: string, offset: number, message: string) {
    const before = filter.slice(0, offset).split("\n");
    const line = before.length, column = before.at(-1)!.length + 1;
    return { message: `at line ${line}, position ${column}: ${message}`, parsed: "", errors: [{ message, line, column, offset }] };
}

function complete(q: { what: string; column?: string; prefix: string }) {
    const begins = (label: string) => label.toLowerCase().startsWith(q.prefix.toLowerCase());
    if (q.what === "column") return DIMENSIONS.filter(begins).slice(0, 20).map((label) => ({ label, detail: "column name", quoted: false }));
    if (q.what === "operator") {
        const list = q.column?.endsWith("Addr") ? ["=", "!=", "<<", "!<<", "IN", "NOTIN"] : ["=", "!=", "IN", "NOTIN", "LIKE", "ILIKE"];
        return list.filter(begins).map((label) => ({ label, detail: "comparison operator", quoted: false }));
    }
    return (VALUES[q.column ?? ""] ?? []).map((v) => {
        const as = /^(\d+): (.*)$/.exec(v);
        if (as) return { label: `AS${as[1]}`, detail: as[2]!, quoted: false };
        return { label: v, detail: "", quoted: !/Boundary|EType|Port/.test(q.column ?? "") };
    }).filter((c) => begins(c.label) || begins(c.detail));
}

export const SAVED = [
    { id: 1, user: "__system", shared: true, description: "From transit", content: "InIfConnectivity = \"transit\"" },
    { id: 2, user: "__default", shared: false, description: "Video over IPv6", content: "SrcAS IN (AS2906, AS36040)\nAND EType = IPv6" },
];

const DOCS = {
    markdown: `<h1 id="using-the-console">Using the console</h1><p>Times on screen are in <code>your</code> browser's zone. See <a href="docs/operating#backups">backups</a>.</p>
<h2 id="home">Home</h2><p>The traffic of the last day.</p><pre><code class="language-console">$ script/run\n</code></pre>
<h2 id="visualize">Visualize</h2><table><thead><tr><th>Column</th><th>Operators</th></tr></thead><tbody><tr><td>addresses</td><td><code>=</code> <code>!=</code></td></tr></tbody></table>
<h3 id="details">Details</h3><ul><li>one</li><li>two <strong>bold</strong></li></ul>`,
    toc: [
        { name: "introduction", section: "Start", headers: [{ level: 1, id: "weir", title: "What weir is" }] },
        { name: "usage", section: "Reference", headers: [{ level: 1, id: "using-the-console", title: "Using the console" }, { level: 2, id: "home", title: "Home" }, { level: 2, id: "visualize", title: "Visualize" }, { level: 3, id: "details", title: "Details" }] },
    ],
};

export function answer(path: string, body: any): unknown {
    if (path.startsWith("docs/")) return DOCS;
    if (path.startsWith("widget/top/")) return { top: world.empty ? [] : top(path.slice(11)) };
    switch (path) {
        case "configuration": return world.empty ? { ...CONFIGURATION, defaultFilterNote: "No interface has a boundary yet: the default filter InIfBoundary = external was left out.", defaultVisualizeOptions: { ...CONFIGURATION.defaultVisualizeOptions, filter: "" } } : CONFIGURATION;
        case "user/info": return { login: "__default", name: "Default User" };
        case "widget/flow-rate": return { rate: world.empty ? 0 : 1270 + 90 * noise(world.now()), period: "second" };
        case "widget/exporters": return { exporters: world.empty ? [] : VALUES["ExporterName"] };
        case "widget/flow-last": return world.empty ? {} : Object.fromEntries(Object.entries(FLOW).map(([k, v]) => [k, v()]));
        case "widget/graph": return world.empty ? { data: [] } : traffic();
        case "graph/line": return world.empty ? { t: [], rows: [], points: [], axis: [], "axis-names": {}, average: [], min: [], max: [], last: [], "95th": [] } : line(body);
        case "graph/sankey": return sankey(body);
        case "flows": return flows(body);
        case "filter/saved": return { filters: SAVED };
        case "filter/validate": return validate(body.filter);
        case "filter/complete": return { completions: complete(body) };
        default: return undefined;
    }
}

