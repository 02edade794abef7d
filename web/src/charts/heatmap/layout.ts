/* A heat map: a row per series, a cell per bucket, darker where there is more. */
import type { Units } from "@/api/types";
import { chartInk, rampColor, type Theme } from "@/lib/palette";
import { fitText } from "@/lib/legible";
import { formatTick, ticksBetween } from "@/lib/time";
import { formatRate } from "@/lib/units";
import type { Model, Series } from "../base/model";
import { FONT, Path, type Pen } from "../base/pen";
import { finish, type Steps } from "../base/steps";

export interface HeatView {
    model: Model;
    /** Series drawn, top first. */
    rows: Series[];
    units: Units;
    theme: Theme;
    width: number;
    height: number;
    /** All rows step back, for one that is brought forward. */
    faded?: boolean;
}

export interface HeatLayout {
    left: number;
    top: number;
    right: number;
    bottom: number;
    row: number;
    most: number;
    x(t: number): number;
}

const TOP = 34, BOTTOM = 26, RIGHT = 14;
const LEAST_ROW = 18;

/** What so many rows need at least. */
export const heightFor = (rows: number): number => TOP + BOTTOM + rows * LEAST_ROW;

export function layoutHeat(view: HeatView): HeatLayout {
    const { model, rows, width, height } = view;
    const longest = rows.reduce((n, s) => Math.max(n, s.label.length), 0);
    const left = Math.max(60, Math.min(longest * 6.6 + 20, 240, width * 0.32));
    const right = width - RIGHT;
    let most = 0;
    for (const s of rows) s.values.forEach((v, i) => !model.unknown[i] && (model.times[i] ?? Infinity) < model.end && v > most && (most = v));
    const span = Math.max(1, model.end - model.start);
    return {
        left, top: TOP, right, bottom: height - BOTTOM, most,
        row: (height - TOP - BOTTOM) / Math.max(1, rows.length),
        x: (t) => left + ((Math.min(t, model.end) - model.start) / span) * (right - left),
    };
}

/** Square root: small values stay visible beside large ones. The legend shows what a colour stands for. */
export const partOf = (value: number, most: number): number => (most > 0 ? Math.sqrt(Math.max(0, value) / most) : 0);

function legend(pen: Pen, view: HeatView, at: HeatLayout): void {
    const ink = chartInk[view.theme];
    const width = Math.min(220, (at.right - at.left) / 2), x = at.right - width, steps = 48;
    for (let i = 0; i < steps; i++) pen.rect(x + (i * width) / steps, 6, width / steps + 0.5, 8, { fill: rampColor((i + 0.5) / steps, view.theme) });
    for (const [part, align] of [[0, "left"], [0.5, "center"], [1, "right"]] as const) {
        if (part === 0.5 && width < 200) continue; // no room between the ends
        const text = part === 0 ? "0" : formatRate(at.most * part * part, view.units);
        pen.text(x + part * width, 21, text, { color: ink.text, size: 10, align });
    }
}

function paintRow(pen: Pen, view: HeatView, at: HeatLayout, r: number): void {
    const ink = chartInk[view.theme];
    const { model } = view, s = view.rows[r]!;
    const gap = at.row > 14 ? 1 : 0;
    /* Narrow cells touch, on whole pixels: gaps and overlaps would be seen as stripes. */
    const wide = at.x(model.start + model.interval) - at.x(model.start) >= 14;
    const edge = (t: number) => (wide ? at.x(t) : Math.round(at.x(t)));
    const y = at.top + r * at.row;
    pen.text(at.left - 8, y + at.row / 2, fitText(s.label, at.left - 12, 12, FONT), { color: view.faded ? ink.text : ink.strong, size: 12, align: "right" });
    model.times.forEach((t, i) => {
        if (t >= model.end || model.unknown[i]) return;
        const x = edge(t);
        pen.rect(x, y, Math.max(0.5, edge(t + model.interval) - x - Number(wide)), at.row - gap, {
            fill: rampColor(partOf(s.values[i] ?? 0, at.most), view.theme),
            ...(view.faded ? { alpha: 0.45 } : {}),
        });
    });
}

/** The row of this series, over a picture in which all are faded. */
export function paintHeatForward(pen: Pen, view: HeatView, key: string, at: HeatLayout): void {
    view.rows.forEach((s, r) => s.key === key && paintRow(pen, view, at, r));
}

export function* stepsOfHeat(pen: Pen, view: HeatView, at: HeatLayout): Steps {
    const ink = chartInk[view.theme];
    const { model, rows } = view;
    legend(pen, view, at);
    for (const r of rows.keys()) {
        paintRow(pen, view, at, r);
        yield model.times.length;
    }
    for (const t of ticksBetween(model.start, model.end, Math.max(2, Math.floor((at.right - at.left) / 70)))) {
        const x = Math.round(at.x(t)) + 0.5;
        pen.path(new Path().move(x, at.bottom).line(x, at.bottom + 4), { stroke: ink.axis });
        pen.text(Math.min(x, view.width - 22), at.bottom + 13, formatTick(new Date(t), model.end - model.start), { color: ink.text, align: "center" });
    }
}

export const paintHeat = (pen: Pen, view: HeatView, at: HeatLayout): void => finish(stepsOfHeat(pen, view, at));
