import { describe, expect, it } from "vitest";
import { PRESETS, formatDuration, formatRange, presetFor, resolveRange, shiftRange, ticksBetween, toText, widenRange } from "./time";
import { parseTime } from "./timeparse";

const now = new Date(2026, 10, 21, 15, 42, 30);

describe("presets", () => {
    it.each(PRESETS.flatMap((g) => g.presets).map((p) => [p.label, p] as const))("%s resolves", (_, preset) => {
        expect(resolveRange(preset.start, preset.end, now).error).toBeUndefined();
    });
    it("are recognised", () => expect(presetFor("6 hours ago", "Now")?.label).toBe("Last 6 hours"));
    it("yesterday is one day", () => {
        const { range } = resolveRange("yesterday", "today", now);
        expect(toText(range!.start)).toBe("2026-11-20 00:00");
        expect(toText(range!.end)).toBe("2026-11-21 00:00");
    });
});

describe("ranges", () => {
    it("say what is wrong", () => {
        expect(resolveRange("gibberish", "now", now).error).toContain("gibberish");
        expect(resolveRange("now", "1 hour ago", now).error).toContain("before");
    });
    it("text reads back as the same second", () => {
        expect(parseTime(toText(now), now)?.getTime()).toBe(now.getTime());
    });
    it("shift by their own width", () => {
        const r = { start: new Date(2026, 0, 1, 10), end: new Date(2026, 0, 1, 12) };
        expect(toText(shiftRange(r, -0.5).start)).toBe("2026-01-01 09:00");
        expect(toText(shiftRange(r, 1).end)).toBe("2026-01-01 14:00");
    });
    it("widen without leaving the present", () => {
        const w = widenRange({ start: new Date(now.getTime() - 3_600_000), end: now }, now);
        expect(w.end.getTime()).toBe(now.getTime());
        expect(w.start.getTime()).toBe(now.getTime() - 7_200_000);
    });
    it("say the day once", () => {
        expect(formatRange({ start: new Date(2025, 10, 21, 9, 42), end: new Date(2025, 10, 21, 15, 42) })).toBe("Fri 21 Nov 2025 09:42 – 15:42");
    });
});

describe("ticks", () => {
    const widths: [string, number][] = [["minute", 60e3], ["hour", 3.6e6], ["six hours", 2.16e7], ["day", 8.64e7], ["week", 6.048e8],
        ["month", 2.6e9], ["year", 3.15e10], ["ten years", 3.15e11]];
    it.each(widths)("are few, ascending and inside a %s", (_, width) => {
        const ticks = ticksBetween(now.getTime() - width, now.getTime(), 8);
        expect(ticks.length).toBeGreaterThan(1);
        expect(ticks.length).toBeLessThanOrEqual(10);
        expect(ticks.every((t, i) => t >= now.getTime() - width && t <= now.getTime() && (i === 0 || t > ticks[i - 1]!))).toBe(true);
    });
    it("days begin at local midnight", () => {
        for (const t of ticksBetween(now.getTime() - 6.048e8, now.getTime(), 8)) expect(new Date(t).getHours()).toBe(0);
    });
});

describe("durations", () => {
    it.each([[60, "1 min"], [300, "5 min"], [3600, "1 h"], [90, "90 s"], [86400, "1 d"]])("%d", (s, text) =>
        expect(formatDuration(s).replace(/\u00a0/g, " ")).toBe(text));
});
