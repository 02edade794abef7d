/* The state of the raw flows page in its address. */
import { oneOf, pack, text, unpack, whole } from "./packed";

export interface FlowsState {
    start: string;
    end: string;
    filter: string;
    /** A column, with "-" before it for the largest first. */
    order: string;
    limit: number;
}

const PREFIX = "f1-";
export const ORDERS = ["-TimeReceived", "TimeReceived", "-Bytes", "-Packets"] as const;
const DEFAULT: FlowsState = { start: "15 minutes ago", end: "now", filter: "", order: "-TimeReceived", limit: 100 };

export function encodeFlows(state: FlowsState): string {
    return pack(PREFIX, state);
}

export function decodeFlows(encoded: string): FlowsState | null {
    if (encoded === "") return { ...DEFAULT };
    const raw = unpack(PREFIX, encoded);
    if (!raw) return null;
    return {
        start: text(raw["start"], DEFAULT.start),
        end: text(raw["end"], DEFAULT.end),
        filter: text(raw["filter"], "", 100_000),
        order: oneOf(raw["order"], ORDERS, "-TimeReceived"),
        limit: whole(raw["limit"], 1, 1000, DEFAULT.limit),
    };
}

export const linkToFlows = (state: Partial<FlowsState>) => ({ name: "flows", params: { state: encodeFlows({ ...DEFAULT, ...state }) } });
export const defaultFlows = (): FlowsState => ({ ...DEFAULT });
