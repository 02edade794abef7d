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
    "truncate-v4": number;
    "truncate-v6": number;
}

/** Time for which telemetry is known to be missing: drawn as a gap, never as zero. */
export interface MissingSpan {
    start: string;
    end: string;
    reason: string;
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
    /** Absent for percentages. */
    total?: number[] | null;
    /** Table the answer was computed from. */
    table?: string;
    /** Seconds per bucket. */
    interval?: number;
    /** Buckets from here on are still filling. */
    "incomplete-from"?: string | null;
    missing?: MissingSpan[] | null;
    note?: string | string[] | null;
}

export interface LineResult {
    answer: LineAnswer;
    sql: string | null;
    /** Milliseconds between sending the question and having the answer. */
    took: number;
}

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
