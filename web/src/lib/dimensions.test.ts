import { describe, expect, it } from "vitest";
import { dimensionGroups, matchDimensions, moved } from "./dimensions";

const all = ["SrcAS", "DstAS", "InIfProvider", "OutIfProvider", "ExporterName", "Proto", "PacketSizeBucket"];

describe("dimensions", () => {
    it("are found by beginning, initials and part", () => {
        expect(matchDimensions(all, "pro")).toEqual(["Proto", "InIfProvider", "OutIfProvider"]);
        expect(matchDimensions(all, "iip")).toEqual(["InIfProvider"]);
        expect(matchDimensions(all, "AS")).toEqual(["SrcAS", "DstAS"]);
        expect(matchDimensions(all, "zzz")).toEqual([]);
    });
    it("are grouped without losing one", () => {
        expect(dimensionGroups(all, false).flatMap((g) => g.names).sort()).toEqual([...all].sort());
        expect(dimensionGroups(all, false).at(-1)).toEqual({ name: "Flow", names: ["PacketSizeBucket", "Proto"] });
    });
    it("move", () => expect(moved(["a", "b", "c"], 2, 0)).toEqual(["c", "a", "b"]));
});
