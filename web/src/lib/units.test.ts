import { describe, expect, it } from "vitest";
import { formatAxis, formatInteger, formatPercent, formatRate, formatSi, formatTotal } from "./units";

const plain = (s: string) => s.replace(/[\u202f\u00a0]/g, " ");

describe("rates", () => {
    it.each([
        [0, "0 bps"],
        [999, "999 bps"],
        [999.6, "1.00 kbps"],
        [1234, "1.23 kbps"],
        [12_345_678, "12.3 Mbps"],
        [1.5e9, "1.50 Gbps"],
        [2.5e21, "2500 Ebps"],
        [-1.5e9, "\u22121.50 Gbps"],
        [Number.NaN, "–"],
    ])("%d", (value, text) => expect(plain(formatRate(value, "l3bps"))).toBe(text));

    it("names the unit", () => {
        expect(plain(formatRate(1200, "pps"))).toBe("1.20 kpps");
        expect(plain(formatRate(12.34, "inl2%"))).toBe("12.3 %");
    });
});

describe("totals", () => {
    it("turns bits into bytes", () => expect(plain(formatTotal(8e12, "l3bps"))).toBe("1.00 TB"));
    it("keeps packets", () => expect(plain(formatTotal(1_500_000, "pps"))).toBe("1.50M packets"));
});

describe("others", () => {
    it("labels the axis without sign or zeros", () => {
        expect(formatAxis(-2_000_000_000, "l3bps")).toBe("2G");
        expect(formatAxis(0, "pps")).toBe("0");
        expect(formatAxis(2500, "pps")).toBe("2.5k");
        expect(formatAxis(40, "outl2%")).toBe("40%");
    });
    it("groups digits", () => expect(plain(formatInteger(1234567))).toBe("1 234 567"));
    it("shortens", () => expect(formatSi(1284.4)).toBe("1.28k"));
    it("keeps small percentages visible", () => expect(plain(formatPercent(0.012))).toBe("0.012 %"));
});
