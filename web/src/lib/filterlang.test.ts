import { describe, expect, it } from "vitest";
import { characterIndex, conjunction, quoted, tokenize, wantedAt } from "./filterlang";

const kinds = (s: string) => tokenize(s).map((t) => `${t.kind}:${t.text}`);

describe("tokens", () => {
    it("of a plain filter", () => {
        expect(kinds('InIfBoundary = external AND SrcAS IN (AS15169, 64501) -- end')).toEqual([
            "column:InIfBoundary", "operator:=", "constant:external", "keyword:AND", "column:SrcAS", "operator:IN", "punctuation:(",
            "number:AS15169", "punctuation:,", "number:64501", "punctuation:)", "comment:-- end",
        ]);
    });
    it("of addresses, prefixes, communities and strings", () => {
        expect(kinds(`SrcAddr << 2001:db8::/32 or DstAddr = ::1 and DstCommunities = 64501:100 /* x\ny */ and a = 'it\\'s'`)).toEqual([
            "column:SrcAddr", "operator:<<", "number:2001:db8::/32", "keyword:or", "column:DstAddr", "operator:=", "number:::1",
            "keyword:and", "column:DstCommunities", "operator:=", "number:64501:100", "comment:/* x\ny */", "keyword:and", "column:a",
            "operator:=", "string:'it\\'s'",
        ]);
    });
    it("of MAC addresses, and of comments that touch", () => {
        expect(kinds("SrcMAC = 00-11-22-33-44-55--x")).toEqual(["column:SrcMAC", "operator:=", "number:00-11-22-33-44-55", "comment:--x"]);
        expect(kinds("SrcMAC = aabb.ccdd.eeff/* y */AND")).toEqual(["column:SrcMAC", "operator:=", "number:aabb.ccdd.eeff", "comment:/* y */", "keyword:AND"]);
    });
    it("never stops on strange input", () => {
        for (const s of ["\u0000", "@@", '"', "/*", "--", "\\", "é = 3", "=====", "((("]) {
            expect(tokenize(s).every((t) => t.to > t.from)).toBe(true);
        }
    });
});

describe("what is wanted at the cursor", () => {
    it.each([
        ["", { what: "column", prefix: "" }],
        ["Src", { what: "column", prefix: "Src", from: 0 }],
        ["NOT ", { what: "column", prefix: "" }],
        ["(In", { what: "column", prefix: "In", from: 1 }],
        ["SrcAS ", { what: "operator", column: "SrcAS", prefix: "" }],
        ["SrcAS NOT", { what: "operator", prefix: "NOT" }],
        ["SrcAS li", { what: "operator", column: "SrcAS", prefix: "li", from: 6 }],
        ["SrcAS =", { what: "value", column: "SrcAS", operator: "=", prefix: "", from: 7 }],
        ["SrcAS = ", { what: "value", column: "SrcAS", operator: "=", prefix: "" }],
        ["SrcAS = AS15", { what: "value", column: "SrcAS", prefix: "AS15", from: 8 }],
        ['InIfProvider = "co', { what: "value", column: "InIfProvider", prefix: "co", from: 15, quote: '"' }],
        ["SrcAS IN", { what: "operator", column: "SrcAS", prefix: "IN" }],
        ["SrcAS IN ", { what: "nothing" }],
        ["SrcAS IN (", { what: "value", column: "SrcAS", operator: "IN", prefix: "" }],
        ["SrcAS IN (AS1, AS2", { what: "value", column: "SrcAS", operator: "IN", prefix: "AS2" }],
        ["SrcAS IN (AS1 ", { what: "nothing" }],
        ["SrcAS IN (AS1) ", { what: "logic", prefix: "", closing: false }],
        ["(EType = IPv6 ", { what: "logic", prefix: "", closing: true }],
        ["EType = IPv6 an", { what: "logic", prefix: "an" }],
        ["EType = IPv6 o", { what: "logic", prefix: "o", from: 13 }],
        ["EType = IPv6 OR ", { what: "column", prefix: "" }],
        ["EType = IPv6 -- a comment ", { what: "nothing" }],
        ["/* c */ Dst", { what: "column", prefix: "Dst", from: 8 }],
    ])("%j", (before, expected) => {
        expect(wantedAt(before)).toMatchObject(expected);
    });
});

describe("writing filters", () => {
    it("quotes", () => expect(quoted('a"b\\c')).toBe('"a\\"b\\\\c"'));
    it("joins", () => {
        expect(conjunction("", "A = 1")).toBe("A = 1");
        expect(conjunction("A = 1", "B = 2")).toBe("A = 1 AND B = 2");
        expect(conjunction("A = 1 OR B = 2", "C = 3")).toBe("(A = 1 OR B = 2\n) AND C = 3");
    });
});

describe("offsets", () => {
    it("are characters on the wire", () => {
        const text = 'a = "é€😀" x';
        const index = text.indexOf("x");
        expect(characterIndex(text, [...text.slice(0, index)].length)).toBe(index);
        expect(characterIndex(text, 0)).toBe(0);
        expect(characterIndex(text, 1000)).toBe(text.length);
    });
});
