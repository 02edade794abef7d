/* From a value as charts, tables and rows show it to the condition that selects it. */
import { conjunction, quoted } from "./filterlang";

const KINDS: [RegExp, (value: string, column: string) => string | null][] = [
    [/ASPath$/, () => null],
    [/AS$/, (v) => prefixed(v, /^(?:AS)?(\d+)/, "AS")],
    [/^EType$/, (v) => (/^IPv[46]$/.test(v) ? v : null)],
    [/^Proto$/, (v) => (/^\d+$/.test(v) ? v : v && v !== "???" ? quoted(v) : null)],
    [/Communities$/, () => null],
    [/^MPLSLabels$/, () => null],
    [/IfBoundary$/, (v) => (/^(external|internal|undefined)$/.test(v) ? v : null)],
    [/^FlowDirection$/, (v) => (/^(ingress|egress|undefined)$/.test(v) ? v : null)],
    [/NetPrefix$/, (v) => (/\/\d+$/.test(v) && !/\/0$/.test(v) ? v : null)],
    [/(Addr|Address|AddrNAT|^NextHop)$/, (v) => (/^[0-9a-f.:]+(\/\d+)?$/i.test(v) && /[.:]/.test(v) ? v : null)],
    [/MAC$/, (v) => (/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(v) ? v : null)],
    [/^(Src|Dst)Country$|^(Src|Dst)Geo|Name$|Description$|Role$|Site$|Region$|Tenant$|Group$|Provider$|Connectivity$|^PacketSizeBucket$|^ICMPv[46]$/, (v) => quoted(v)],
    [/Port(NAT)?$|IfSpeed$|Vlan$|NetMask$|VRFID$|^PacketSize$|^ForwardingStatus$|^IP(TTL|Tos|Fragment|v6)|^TCPFlags$|^ICMPv[46](Type|Code)$|Label$|IfIndex$|^(Bytes|Packets|SamplingRate)$/, (v) => (/^\d+$/.test(v) ? v : null)],
];

function prefixed(value: string, pattern: RegExp, prefix: string): string | null {
    const match = pattern.exec(value);
    return match ? prefix + match[1]! : null;
}

/** null: the value cannot be asked for ("Other", an unknown protocol, a list). */
export function conditionFor(column: string, value: string, exclude = false): string | null {
    if (value === "Other") return null;
    const literal = (KINDS.find(([p]) => p.test(column))?.[1] ?? ((v: string) => quoted(v)))(value, column);
    if (literal === null) return null;
    const within = /Addr(ess|NAT)?$|^NextHop$/.test(column) && literal.includes("/");
    return `${column} ${within ? (exclude ? "!<<" : "<<") : exclude ? "!=" : "="} ${literal}`;
}

/** The filter with a further value kept or left out. */
export function narrowed(filter: string, values: readonly { dimension: string; value: string }[], exclude: boolean): string | null {
    const parts = values.map((v) => conditionFor(v.dimension, v.value, exclude && values.length === 1));
    if (parts.some((p) => p === null) || parts.length === 0) return null;
    const together = conjunction(...(parts as string[]));
    return conjunction(filter, exclude && values.length > 1 ? `NOT (${together})` : together);
}

/** Where an address, a port or an interface belongs: what one wants to see next of it. */
const RELATED: [RegExp, string[]][] = [
    [/^(Src|Dst)Addr$/, ["$AS", "$NetPrefix", "$Country", "$Port", "@Addr", "@AS", "Proto"]],
    [/^(Src|Dst)AS$/, ["$Addr", "$NetPrefix", "$Country", "InIfProvider", "@AS", "ExporterName"]],
    [/^(Src|Dst)NetPrefix$/, ["$Addr", "$AS", "@AS"]],
    [/^(Src|Dst)Country$/, ["$AS", "@AS", "$Addr"]],
    [/^(Src|Dst)Port$/, ["Proto", "$AS", "$Addr", "@AS"]],
    [/^Proto$/, ["SrcPort", "DstPort", "SrcAS"]],
    [/^EType$/, ["SrcAS", "Proto", "ExporterName"]],
    [/^Exporter/, ["InIfName", "OutIfName", "SrcAS"]],
    [/^(In|Out)If(Provider|Connectivity|Boundary)$/, ["%Name", "SrcAS", "ExporterName"]],
    [/^(In|Out)If/, ["SrcAS", "DstAS", "Proto", "%Provider"]],
];

export function relatedDimensions(column: string, known: readonly string[], chosen: readonly string[]): string[] {
    const list = RELATED.find(([p]) => p.test(column))?.[1] ?? ["SrcAS", "DstAS", "ExporterName", "Proto"];
    const side = column.startsWith("Dst") ? "Dst" : "Src", way = column.startsWith("Out") ? "OutIf" : "InIf";
    const names = list.map((n) => n.replace("$", side).replace("@", side === "Src" ? "Dst" : "Src").replace("%", way));
    return [...new Set(names)].filter((n) => known.includes(n) && !chosen.includes(n)).slice(0, 5);
}

export const isAddress = (column: string, value: string): boolean => /(Addr|Address|AddrNAT|^NextHop)$/.test(column) && !value.includes("/") && value !== "Other";
