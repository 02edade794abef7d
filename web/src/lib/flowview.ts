/* One flow as a person reads it: columns in groups, values as text. */
import type { FlowRow } from "@/api/types";
import { legible } from "./legible";
import { formatMoment } from "./time";
import { formatBytes, formatInteger } from "./units";

export interface FlowField {
    column: string;
    label: string;
    text: string;
    empty: boolean;
    mono: boolean;
}

export interface FlowGroup {
    name: string;
    fields: FlowField[];
}

const PROTOCOLS: Record<number, string> = {
    1: "ICMP", 2: "IGMP", 4: "IPv4", 6: "TCP", 17: "UDP", 41: "IPv6", 47: "GRE", 50: "ESP", 51: "AH", 58: "IPv6-ICMP", 89: "OSPF",
    103: "PIM", 112: "VRRP", 132: "SCTP",
};
const TCP_FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

const bare = (address: string): string => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");

function tcpFlags(n: number): string {
    return TCP_FLAGS.filter((_, i) => n & (1 << i)).join(" ") || "none";
}

function mac(n: bigint): string {
    return n.toString(16).padStart(12, "0").match(/../g)!.slice(-6).join(":");
}

function community(n: number): string {
    return `${n >>> 16}:${n & 0xffff}`;
}

const number = (v: unknown): number | null => {
    const n = typeof v === "number" ? v : typeof v === "string" && /^\d+$/.test(v) ? Number(v) : Number.NaN;
    return Number.isFinite(n) ? n : null;
};

/** The API's DateTime: with a zone as it is, without one it is UTC. */
export function flowTime(v: unknown): Date | null {
    const n = number(v);
    if (n !== null) return new Date(n * 1000);
    if (typeof v !== "string") return null;
    const iso = v.trim().replace(" ", "T");
    const date = new Date(/(z|[+-]\d\d:?\d\d)$/i.test(iso) ? iso : `${iso}Z`);
    return Number.isNaN(date.getTime()) ? null : date;
}

const FORMATS: [RegExp, (v: unknown) => string | null][] = [
    [/^TimeReceived$/, (v) => { const d = flowTime(v); return d && formatMoment(d, true); }],
    [/^EType$/, (v) => ({ 2048: "IPv4", 34525: "IPv6" })[number(v) ?? -1] ?? null],
    [/^Proto$/, (v) => { const n = number(v); return n === null ? null : (PROTOCOLS[n] ?? String(n)); }],
    [/^Bytes$/, (v) => { const n = number(v); return n === null ? null : formatBytes(n); }],
    [/^(Packets|SamplingRate)$/, (v) => { const n = number(v); return n === null ? null : formatInteger(n); }],
    [/^TCPFlags$/, (v) => { const n = number(v); return n === null ? null : tcpFlags(n); }],
    [/MAC$/, (v) => { const n = number(v); return n === null ? null : mac(BigInt(String(v))); }],
    [/IfSpeed$/, (v) => { const n = number(v); return n === null ? null : n >= 1000 ? `${n / 1000}\u00a0Gbps` : `${n}\u00a0Mbps`; }],
    [/AS$/, (v) => { const n = number(v); return n === null ? null : `AS${n}`; }],
    [/ASPath$/, (v) => (Array.isArray(v) ? v.join(" ") : null)],
    [/^(Src|Dst)Communities$/, (v) => (Array.isArray(v) ? v.map((c) => (typeof c === "number" ? community(c) : String(c))).join(" ") : null)],
    [/NetMask$/, (v) => { const n = number(v); return n === null ? null : `/${n}`; }],
];

function textOf(column: string, value: unknown): string {
    for (const [pattern, format] of FORMATS) {
        if (pattern.test(column)) return format(value) ?? plain(value);
    }
    return plain(value);
}

function plain(value: unknown): string {
    if (value === null || value === undefined) return "";
    if (Array.isArray(value)) return value.map(plain).join(" ");
    return legible(bare(String(value).replace(/\u0000+$/, "")));
}

function isEmpty(column: string, value: unknown): boolean {
    if (Array.isArray(value)) return value.length === 0;
    const text = plain(value);
    if (text === "" || text === "::" || text === "undefined") return true;
    return text === "0" && !/^(Bytes|Packets|SrcPort|DstPort|ForwardingStatus|Proto)$/.test(column);
}

const GROUPS: [string, RegExp][] = [
    ["Flow", /^(TimeReceived|EType|Proto|SamplingRate|Bytes|Packets|PacketSize.*|ForwardingStatus|FlowDirection|TCPFlags|IP.*|ICMP.*|MPLS.*|.*VRFID)$/],
    ["Exporter", /^Exporter/],
    ["Input interface", /^InIf/],
    ["Output interface", /^OutIf/],
    ["Source", /^Src/],
    ["Destination", /^(Dst|NextHop)/],
];

/** "InIfDescription" under "Input interface" reads "Description". */
function labelOf(column: string, group: string): string {
    const prefix = { Exporter: /^Exporter/, "Input interface": /^InIf/, "Output interface": /^OutIf/, Source: /^Src/, Destination: /^Dst/ }[group];
    const rest = prefix ? column.replace(prefix, "") : column;
    const words = rest.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2");
    const named: Record<string, string> = { EType: "IP version", Proto: "Protocol", Addr: "Address", TimeReceived: "Received" };
    return named[rest] ?? (/^[A-Z][a-z]/.test(words) ? words[0] + words.slice(1).replace(/ [A-Z](?=[a-z])/g, (m) => m.toLowerCase()) : words);
}

export function flowGroups(row: FlowRow): FlowGroup[] {
    const left = Object.keys(row);
    const groups = [...GROUPS, ["More", /./] as [string, RegExp]].map(([name, pattern]) => {
        const mine = left.filter((c) => pattern.test(c));
        for (const c of mine) left.splice(left.indexOf(c), 1);
        return { name, fields: mine.map((column) => field(column, row[column], name)) };
    });
    return groups.filter((g) => g.fields.length > 0);
}

function field(column: string, value: unknown, group: string): FlowField {
    const empty = isEmpty(column, value);
    const mono = /Addr|MAC|Prefix|NextHop|Communities|ASPath|NetMask/.test(column);
    return { column, label: labelOf(column, group), text: empty ? "–" : textOf(column, value), empty, mono };
}

/** One cell of a table of flows: names and numbers are texts already, times and sizes are not. */
export function flowCell(column: string, kind: string, value: unknown): string {
    if (value === null || value === undefined || value === "") return "–";
    if (kind === "time" || column === "Bytes" || column === "Packets" || column === "SamplingRate" || /IfSpeed$/.test(column)) return textOf(column, value);
    return plain(value);
}
