import { describe, expect, it } from "vitest";
import { flowGroups, flowTime } from "./flowview";

const shown = (row: Record<string, unknown>) =>
    Object.fromEntries(flowGroups(row).flatMap((g) => g.fields.map((f) => [f.column, f.text.replace(/[\u202f\u00a0]/g, " ")])));

describe("one flow", () => {
    it("is readable", () => {
        expect(shown({
            EType: 34525, Proto: 6, Bytes: "1500", Packets: 1, SamplingRate: "30000", SrcAddr: "::ffff:192.0.2.1", DstAddr: "2001:db8::1",
            SrcAS: 64501, InIfSpeed: 100000, TCPFlags: 18, SrcMAC: "20015998341120", DstCommunities: [4227137636], DstASPath: [64501, 64502],
            SrcCountry: "\u0000\u0000", InIfBoundary: "undefined", OutIfName: "", SrcPort: 0, SrcVlan: 0, DstNetMask: 24, PacketSize: 1500,
        })).toEqual({
            EType: "IPv6", Proto: "TCP", Bytes: "1.50 kB", Packets: "1", SamplingRate: "30 000", SrcAddr: "192.0.2.1", DstAddr: "2001:db8::1",
            SrcAS: "AS64501", InIfSpeed: "100 Gbps", TCPFlags: "SYN ACK", SrcMAC: "12:34:56:78:90:00", DstCommunities: "64501:100",
            DstASPath: "64501 64502", SrcCountry: "–", InIfBoundary: "–", OutIfName: "–", SrcPort: "0", SrcVlan: "–", DstNetMask: "/24", PacketSize: "1500",
        });
    });
    it("loses no column", () => {
        const row = { A: 1, ExporterName: "x", InIfName: "y", NextHop: "::", Bytes: 1, Strange_Column: "<b>" };
        expect(Object.keys(shown(row)).sort()).toEqual(Object.keys(row).sort());
    });
    it("reads times as UTC", () => {
        for (const v of ["2026-11-21 10:00:00", "2026-11-21T10:00:00Z", 1795255200, "1795255200"]) {
            expect(flowTime(v)?.toISOString()).toBe("2026-11-21T10:00:00.000Z");
        }
        expect(flowTime("x")).toBeNull();
    });
});
