import { describe, expect, it } from "vitest";
import { conditionFor, narrowed, relatedDimensions } from "./condition";

describe("conditions", () => {
    it.each([
        ["SrcAS", "15169: Google", "SrcAS = AS15169"],
        ["Dst1stAS", "0: ???", "Dst1stAS = AS0"],
        ["EType", "IPv6", "EType = IPv6"],
        ["EType", "???", null],
        ["Proto", "TCP", 'Proto = "TCP"'],
        ["Proto", "200", "Proto = 200"],
        ["SrcPort", "443", "SrcPort = 443"],
        ["SrcAddr", "192.0.2.1", "SrcAddr = 192.0.2.1"],
        ["SrcAddr", "192.0.2.0/24", "SrcAddr << 192.0.2.0/24"],
        ["DstAddr", "2001:db8::/48", "DstAddr << 2001:db8::/48"],
        ["InIfBoundary", "external", "InIfBoundary = external"],
        ["InIfDescription", 'say "hi" \\', 'InIfDescription = "say \\"hi\\" \\\\"'],
        ["SrcCountry", "", 'SrcCountry = ""'],
        ["ExporterName", "Other", null],
        ["DstASPath", "1 2 3", null],
        ["SrcMAC", "00:11:22:33:44:55", "SrcMAC = 00:11:22:33:44:55"],
        ["OwnColumn", "x", 'OwnColumn = "x"'],
    ])("%s %s", (column, value, condition) => expect(conditionFor(column, value)).toBe(condition));

    it("leaves out", () => {
        expect(conditionFor("SrcAddr", "192.0.2.0/24", true)).toBe("SrcAddr !<< 192.0.2.0/24");
        expect(narrowed("EType = IPv6 OR Proto = 6", [{ dimension: "SrcPort", value: "53" }], true)).toBe("(EType = IPv6 OR Proto = 6\n) AND SrcPort != 53");
        const both = [{ dimension: "SrcPort", value: "53" }, { dimension: "Proto", value: "UDP" }];
        expect(narrowed("", both, true)).toBe('NOT (SrcPort = 53 AND Proto = "UDP")');
        expect(narrowed("", [{ dimension: "SrcPort", value: "Other" }], false)).toBeNull();
    });
    it("knows what one wants to see next", () => {
        expect(relatedDimensions("DstAddr", ["DstAS", "SrcAddr", "SrcAS", "Proto"], ["Proto"])).toEqual(["DstAS", "SrcAddr", "SrcAS"]);
    });
});
