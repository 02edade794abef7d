/* Shapes of the console's API. The names are those on the wire. */

export type Units = "l3bps" | "l2bps" | "pps" | "fps" | "inl2%" | "outl2%";
export type LimitType = "avg" | "max" | "last";

export interface VisualizeDefaults {
    graphType: string;
    start: string;
    end: string;
    filter: string;
    dimensions: string[];
    limit: number;
    limitType: LimitType;
    bidirectional: boolean;
    previousPeriod: boolean;
}

export interface Configuration {
    version: string;
    defaultVisualizeOptions: VisualizeDefaults;
    /** Why the configured default filter was left out, when it was. */
    defaultFilterNote?: string | null;
    dimensionsLimit: number;
    dimensions: string[];
    truncatable: string[];
    homepageTopWidgets: string[];
    branding: boolean;
}

export interface LineRequest {
    start: string;
    end: string;
    points: number;
    dimensions: string[];
    limit: number;
    limitType: LimitType;
    filter: string;
    units: Units;
    bidirectional: boolean;
    "previous-period": boolean;
    "error-band"?: boolean;
    "truncate-v4": number;
    "truncate-v6": number;
}

/** Time for which telemetry is known to be missing: drawn as a gap, never as zero. */
export interface MissingSpan {
    start: string;
    end: string;
    reason: string;
}

/** Time of which a part was lost: its numbers are too small. */
export interface Loss extends MissingSpan {
    /** Part of the whole, 0 to 1. */
    share?: number;
}

export interface LineAnswer {
    /** Start of each bucket, UTC. */
    t: string[];
    /** One tuple of dimension values per row; empty tuple without dimensions. */
    rows: string[][];
    points: number[][];
    /** 1 direct, 2 reverse, 3 previous period, 4 previous period reversed. */
    axis: number[];
    "axis-names": Record<string, string>;
    average: number[];
    min: number[];
    max: number[];
    last: number[];
    "95th": number[];
    /** By how much each point may be off because of sampling, in 95 of 100 cases; shaped like `points`, when asked for. */
    error?: number[][] | null;
    /** Absent for percentages. */
    total?: number[] | null;
    /** Table the answer was computed from. */
    table?: string;
    /** Seconds per bucket. */
    interval?: number;
    /** Buckets from here on are still filling. */
    "incomplete-from"?: string | null;
    missing?: MissingSpan[] | null;
    /** Of the previous period, at its own times, which are `previous-shift` seconds earlier. */
    "missing-previous"?: MissingSpan[] | null;
    "previous-shift"?: number;
    losses?: Loss[] | null;
    note?: string | string[] | null;
}

/** What is known about one address. */
export interface AddressAnswer {
    address: string;
    name: string;
    /** "off": the configuration does not want names to be looked up. */
    "name-status": "found" | "none" | "pending" | "busy" | "off";
    /** From its latest flow of the last hour; absent when there is none. */
    seen?: string;
    as?: number;
    "as-name"?: string;
    network?: string;
    "net-name"?: string;
    country?: string;
    city?: string;
}

export interface SankeyRequest extends Omit<LineRequest, "points" | "previous-period" | "error-band"> {}

export interface SankeyAnswer {
    rows: string[][];
    xps: number[];
    axis: number[];
    "axis-names": Record<string, string>;
    nodes: { name: string; axis: number }[];
    links: { source: string; target: string; xps: number; axis: number }[];
    table?: string;
    note?: string | string[] | null;
}

/** What an answer says of itself, where the server does. */
export interface Told {
    /** A first look: the exact answer follows. */
    coarse?: boolean;
    sql?: string;
}

export interface Result<T> {
    answer: T & Told;
    sql: string | null;
    /** Milliseconds between sending the question and having the answer. */
    took: number;
}

export type LineResult = Result<LineAnswer>;
export type SankeyResult = Result<SankeyAnswer>;

export interface FilterError {
    message: string;
    line: number;
    column: number;
    offset: number;
}

export interface FilterValidation {
    message: string;
    parsed: string;
    errors: FilterError[] | null;
}

export interface Completion {
    label: string;
    detail?: string;
    quoted?: boolean;
}

export interface TopEntry {
    name: string;
    percent: number;
}

export interface TrafficPoint {
    t: string;
    gbps: number;
}

export interface TrafficAnswer {
    data: TrafficPoint[] | null;
    interval?: number;
    "incomplete-from"?: string | null;
    missing?: MissingSpan[] | null;
    losses?: Loss[] | null;
    note?: string | string[] | null;
}

export type FlowRow = Record<string, unknown>;

export interface SavedFilter {
    id: number;
    user: string;
    shared: boolean;
    description: string;
    content: string;
}

export interface DocsPage {
    name: string;
    section: string;
    headers: { level: number; id: string; title: string }[];
}

export interface DocsAnswer {
    /** The page as HTML, made from Markdown by the server; raw HTML never passes. */
    markdown: string;
    toc: DocsPage[];
}

export interface UserInfo {
    login: string;
    name?: string;
    email?: string;
    "logout-url"?: string;
    "avatar-url"?: string;
}

export interface Health {
    status: "ok" | "warning" | "error";
    details?: Record<string, { status: string; reason: string }>;
}

export interface FlowsRequest {
    start: string;
    end: string;
    filter: string;
    /** Absent: the usual ones; "*": all. */
    columns?: string[];
    /** A column, with "-" before it for the largest first. */
    order: string;
    limit: number;
}

export interface FlowsAnswer {
    columns: { name: string; kind: string }[];
    rows: unknown[][];
    /** The limit left some out. */
    more: boolean;
    table?: string;
    "kept-since"?: string | null;
    note?: string | string[] | null;
}
