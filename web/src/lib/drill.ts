/* From an entry of a home widget to the view that shows it. */
import type { Configuration } from "@/api/types";
import { conjunction, quoted } from "./filterlang";
import { defaultState, encodeState, type VisualizeState } from "./urlstate";

export interface TopWidget {
    title: string;
    dimension: string;
    /** Side whose interface has to be at the boundary, as the server counts it. */
    boundary?: "In" | "Out";
    /** Condition that selects one entry; null when its name says too little. */
    condition(name: string): string | null;
}

const asNumber = (column: string) => (name: string) => {
    const match = /^(?:AS)?(\d+)/.exec(name);
    return match ? `${column} = AS${match[1]}` : null;
};
const text = (column: string) => (name: string) => (name ? `${column} = ${quoted(name)}` : null);
/** An exporter without a name is called by its address. */
const exporter = (name: string) =>
    /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i.test(name) ? `ExporterAddress = ${name}` : text("ExporterName")(name);
const proto = (name: string) => (/^\d+$/.test(name) ? `Proto = ${name}` : name && name !== "???" ? `Proto = ${quoted(name)}` : null);

/** "TCP/443" (or "443"): both parts, as far as they are known. */
const port = (column: string) => (name: string) => {
    const match = /^(?:(.*)\/)?(\d+)$/.exec(name);
    if (!match) return null;
    return conjunction((match[1] && proto(match[1])) || "", `${column} = ${match[2]}`);
};

export const TOP_WIDGETS: Record<string, TopWidget> = {
    "src-as": { title: "Source AS", dimension: "SrcAS", boundary: "In", condition: asNumber("SrcAS") },
    "dst-as": { title: "Destination AS", dimension: "DstAS", boundary: "Out", condition: asNumber("DstAS") },
    "src-country": { title: "Source country", dimension: "SrcCountry", boundary: "In", condition: text("SrcCountry") },
    "dst-country": { title: "Destination country", dimension: "DstCountry", boundary: "Out", condition: text("DstCountry") },
    exporter: { title: "Exporters", dimension: "ExporterName", condition: exporter },
    protocol: { title: "Protocols", dimension: "Proto", condition: proto },
    etype: { title: "IP version", dimension: "EType", condition: (n) => (/^IPv[46]$/.test(n) ? `EType = ${n}` : null) },
    "src-port": { title: "Source port", dimension: "SrcPort", boundary: "In", condition: port("SrcPort") },
    "dst-port": { title: "Destination port", dimension: "DstPort", boundary: "Out", condition: port("DstPort") },
};

/** While the default filter is left out (no interface has a boundary), so is the boundary here. */
function boundaryFilter(widget: TopWidget, configuration: Configuration): string {
    return widget.boundary && !configuration.defaultFilterNote ? `${widget.boundary}IfBoundary = external` : "";
}

export function linkTo(configuration: Configuration, change: Partial<VisualizeState>) {
    return { name: "visualize", params: { state: encodeState({ ...defaultState(configuration), ...change }) } };
}

/** The view of a whole widget, or of one entry when its name is given. */
export function widgetLink(widget: TopWidget, configuration: Configuration, entry?: string) {
    const condition = entry === undefined ? "" : widget.condition(entry);
    return linkTo(configuration, {
        dimensions: [widget.dimension],
        filter: conjunction(boundaryFilter(widget, configuration), condition ?? ""),
    });
}
