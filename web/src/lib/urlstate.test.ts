import LZString from "lz-string";
import { describe, expect, it } from "vitest";
import type { Configuration } from "@/api/types";
import { decodeState, defaultState, encodeState } from "./urlstate";

const configuration: Configuration = {
    version: "t",
    defaultVisualizeOptions: {
        graphType: "stacked", start: "6 hours ago", end: "now", filter: "InIfBoundary = external", dimensions: ["SrcAS"],
        limit: 10, limitType: "avg", bidirectional: false, previousPeriod: false,
    },
    dimensionsLimit: 50,
    dimensions: ["SrcAS", "DstAS", "Proto"],
    truncatable: ["SrcAddr"],
    homepageTopWidgets: [],
    branding: false,
};
const pack = (o: unknown) => "v1-" + LZString.compressToEncodedURIComponent(JSON.stringify(o));

describe("state in the address", () => {
    it("comes back as it went", () => {
        const state = { ...defaultState(configuration), filter: 'InIfProvider = "été" -- note\nAND Proto = 6', dimensions: ["Proto", "SrcAS"], limit: 20 };
        const encoded = encodeState(state);
        expect(encoded).toMatch(/^v1-[A-Za-z0-9+$-]+$/);
        expect(decodeState(encoded, configuration)).toEqual(state);
    });

    it.each(["", "v1-", "v1-%%%", "v2-abc", "garbage", pack([1]), pack(null)])("refuses %j", (s) => {
        expect(decodeState(s, configuration)).toBeNull();
    });

    it("an address kept from this version still opens", () => {
        const kept =
            "v1-" + LZString.compressToEncodedURIComponent('{"graphType":"lines","start":"yesterday","end":"today","dimensions":["DstAS"]}');
        expect(decodeState(kept, configuration)).toMatchObject({ graphType: "lines", start: "yesterday", dimensions: ["DstAS"], limit: 10, units: "l3bps" });
    });

    it("replaces what does not fit", () => {
        const state = decodeState(pack({ limit: 1e9, limitType: "<b>", units: "x", dimensions: ["SrcAS", "SrcAS", "Evil", 3], truncateV4: -1, bidirectional: "yes" }), configuration);
        expect(state).toMatchObject({ limit: 10, limitType: "avg", units: "l3bps", dimensions: ["SrcAS"], truncateV4: 32, bidirectional: false });
    });
});
