/* A chart over time, drawn. Marks for missing time, the cross-hair and the tooltip lie over it (TimeChart.vue). */
import type { Units } from "@/api/types";
import { chartInk, type Theme } from "@/lib/palette";
import { formatTick, ticksBetween } from "@/lib/time";
import type { TimeKind } from "./kind";
import { isPrevious, isReverse, runsOf, unknownIn, type Model, type Run } from "./model";
import { Path, type Pen } from "./pen";
import { scaleOf, type Scale } from "./scale";
import { finish, STROKE, type Steps } from "./steps";

export const MARGIN = { left: 58, right: 14, top: 14, bottom: 26 };
export const COMPACT = { left: 42, right: 6, top: 6, bottom: 20 };

export interface TimeView {
    model: Model;
    kind: TimeKind;
    units: Units;
    theme: Theme;
    width: number;
    height: number;
    /** All series step back, for one that is brought forward. */
    faded?: boolean;
    /** Small: fewer ticks, narrow margins. */
    compact?: boolean;
    /** Upper end of what is drawn, to give several charts one scale. */
    most?: number;
}

/** Heights with the reverse direction turned downwards. */
export function drawnHeights(model: Model, kind: TimeKind): number[][] {
    const heights = kind.heights(model);
    return model.series.map((s, i) => (isReverse(s.axis) ? heights[i]!.map((v) => -v) : [...heights[i]!]));
}

interface Layer {
    low: readonly number[];
    high: readonly number[];
}

/** Where each series begins and ends: on top of those before it, or at zero. */
export function layersOf(model: Model, drawn: readonly (readonly number[])[], stacked: boolean): Layer[] {
    const n = model.times.length;
    const zero = new Array<number>(n).fill(0);
    const top = { up: zero, down: zero };
    return model.series.map((s, i) => {
        const values = drawn[i]!;
        if (!stacked || isPrevious(s.axis)) return { low: zero, high: values };
        const side = isReverse(s.axis) ? "down" : "up";
        const low = top[side];
        const high = low.map((v, t) => v + (values[t] ?? 0));
        top[side] = high;
        return { low, high };
    });
}

export interface TimeLayout {
    margin: typeof MARGIN;
    layers: Layer[];
    runs: Run[];
    /** Where the previous period is known. */
    previousRuns: Run[];
    scale: Scale;
    x(t: number): number;
    y(v: number): number;
}

function extent(model: Model, layers: Layer[]): [number, number] {
    let low = 0, high = 0;
    for (const [n, layer] of layers.entries()) {
        const { error, axis } = model.series[n]!;
        const unknown = unknownIn(model, axis);
        model.times.forEach((t, i) => {
            if (unknown[i] || t >= model.end) return;
            const height = layer.high[i] ?? 0, doubt = error?.[i] ?? 0;
            const v = height < 0 ? height - doubt : height + doubt;
            if (v < low) low = v;
            if (v > high) high = v;
        });
    }
    return [low, high];
}

/** What a layout needs that does not depend on the size. */
export interface Heights {
    layers: Layer[];
    extent: [low: number, high: number];
    runs: Run[];
    previousRuns: Run[];
}

export function heightsOf(model: Model, kind: TimeKind, drawn = drawnHeights(model, kind)): Heights {
    const layers = layersOf(model, drawn, kind.stacked);
    return { layers, extent: extent(model, layers), runs: runsOf(model), previousRuns: runsOf(model, unknownIn(model, 3)) };
}

export function layoutTime(view: TimeView, heights = heightsOf(view.model, view.kind)): TimeLayout {
    const { model, kind, width, height } = view;
    const margin = view.compact ? COMPACT : MARGIN;
    const { layers, runs, previousRuns, extent: [low, high] } = heights;
    const plot = { width: Math.max(1, width - margin.left - margin.right), height: Math.max(1, height - margin.top - margin.bottom) };
    const most = view.most ?? high;
    const scale = scaleOf(view.most !== undefined && low < 0 ? -most : low, most, Math.max(2, Math.min(6, plot.height / 60)), kind.top);
    const span = Math.max(1, model.end - model.start), size = scale.high - scale.low;
    return {
        margin, layers, scale, runs, previousRuns,
        x: (t) => margin.left + ((t - model.start) / span) * plot.width,
        y: (v) => margin.top + ((scale.high - v) / size) * plot.height,
    };
}

function edge(path: Path, run: Run, heights: readonly number[], at: TimeLayout, first: boolean): void {
    run.forEach(([t, i], n) => {
        const x = at.x(t), y = at.y(heights[i] ?? 0);
        if (first && n === 0) path.move(x, y);
        else path.line(x, y);
    });
}

function area(layer: Layer, at: TimeLayout): Path {
    const path = new Path();
    for (const run of at.runs) {
        edge(path, run, layer.high, at, true);
        edge(path, [...run].reverse(), layer.low, at, false);
        path.close();
    }
    return path;
}

function outline(heights: readonly number[], at: TimeLayout, runs = at.runs): Path {
    const path = new Path();
    for (const run of runs) edge(path, run, heights, at, true);
    return path;
}

function axes(pen: Pen, view: TimeView, at: TimeLayout): void {
    const ink = chartInk[view.theme];
    const { model, width, height } = view;
    const right = width - at.margin.right, bottom = height - at.margin.bottom;
    for (const tick of at.scale.ticks) {
        const y = Math.round(at.y(tick)) + 0.5;
        pen.path(new Path().move(at.margin.left, y).line(right, y), { stroke: ink.grid });
        pen.text(at.margin.left - 8, y, view.kind.axisLabel(tick, view.units), { color: ink.text, size: view.compact ? 10 : 11, align: "right" });
    }
    const ticks = ticksBetween(model.start, model.end, Math.max(2, Math.floor((right - at.margin.left) / (view.compact || width < 480 ? 58 : 70))));
    for (const t of ticks) {
        const x = Math.round(at.x(t)) + 0.5;
        pen.path(new Path().move(x, bottom).line(x, bottom + 4), { stroke: ink.axis });
        const label = formatTick(new Date(t), model.end - model.start);
        const half = label.length * 3.2;
        const align = x - half < 0 ? "left" : x + half > width ? "right" : "center";
        pen.text(align === "left" ? Math.max(2, x - half) : align === "right" ? width - 2 : x, bottom + 13, label, { color: ink.text, size: view.compact ? 10 : 11, align });
    }
}

function zeroLine(pen: Pen, view: TimeView, at: TimeLayout): void {
    const ink = chartInk[view.theme];
    const y = Math.round(at.y(0)) + 0.5;
    const mirrored = at.scale.low < 0;
    pen.path(new Path().move(at.margin.left, y).line(view.width - at.margin.right, y), { stroke: mirrored ? ink.previous : ink.axis });
}

/** What sampling leaves uncertain, around the heights: half of it to each side. */
function doubt(pen: Pen, heights: readonly number[], errors: readonly number[], color: string, at: TimeLayout): void {
    const sign = (v: number) => (v < 0 ? -1 : 1);
    const low = heights.map((v, i) => sign(v) * Math.max(0, Math.abs(v) - (errors[i] ?? 0)));
    const high = heights.map((v, i) => v + sign(v) * (errors[i] ?? 0));
    pen.path(area({ low, high }, at), { fill: color, alpha: 0.22 });
}

/** Errors of independent estimates add up by their squares. */
export function errorOfSum(model: Model, axis: number): number[] | undefined {
    const mine = model.series.filter((s) => s.axis === axis && s.error);
    if (mine.length === 0) return undefined;
    return model.times.map((_, i) => Math.hypot(...mine.map((s) => s.error![i] ?? 0)));
}

function doubts(pen: Pen, view: TimeView, at: TimeLayout): void {
    const { model, kind } = view;
    if (kind.top !== undefined) return;
    if (!kind.stacked) {
        model.series.forEach((s, i) => s.error && doubt(pen, at.layers[i]!.high, s.error, s.color, at));
        return;
    }
    for (const axis of [1, 2]) {
        const errors = errorOfSum(model, axis);
        const last = model.series.findLastIndex((s) => s.axis === axis);
        if (errors && last >= 0) doubt(pen, at.layers[last]!.high, errors, chartInk[view.theme].previous, at);
    }
}

/** Mean height of a layer in pixels: edges would cover one that is thinner than they are. */
function thickness(layer: Layer, at: TimeLayout): number {
    let sum = 0, n = 0;
    for (const run of at.runs)
        for (const [, i] of run) {
            sum += Math.abs((layer.high[i] ?? 0) - (layer.low[i] ?? 0));
            n++;
        }
    return n > 0 ? Math.abs(at.y(0) - at.y(sum / n)) : 0;
}

function* stack(pen: Pen, view: TimeView, at: TimeLayout): Steps {
    const { model, theme } = view;
    const surface = chartInk[theme].surface;
    const alone = model.series.filter((s) => !isPrevious(s.axis)).length === 1;
    const points = model.times.length;
    for (const [i, s] of model.series.entries()) {
        if (isPrevious(s.axis)) continue;
        pen.path(area(at.layers[i]!, at), { fill: s.color, alpha: alone ? 0.28 : view.faded ? 0.2 : 0.92 });
        yield 2 * points;
    }
    for (const [i, s] of model.series.entries()) {
        if (isPrevious(s.axis)) continue;
        if (alone) pen.path(outline(at.layers[i]!.high, at), { stroke: s.color, width: 1.8 });
        else if (thickness(at.layers[i]!, at) > 3.5) pen.path(outline(at.layers[i]!.high, at), { stroke: surface, width: 0.75, alpha: 0.9 });
        else continue;
        yield STROKE * points;
    }
}

function* lines(pen: Pen, view: TimeView, at: TimeLayout): Steps {
    for (const [i, s] of view.model.series.entries()) {
        if (isPrevious(s.axis)) continue;
        pen.path(outline(at.layers[i]!.high, at), { stroke: s.color, width: 1.6, alpha: view.faded ? 0.25 : 1 });
        yield STROKE * view.model.times.length;
    }
}

/** The series of this key, on both axes, over a picture in which all are faded: what pointing at one costs per frame. */
export function paintForward(pen: Pen, view: TimeView, key: string, at: TimeLayout): void {
    view.model.series.forEach((s, i) => {
        if (s.key !== key || isPrevious(s.axis)) return;
        if (view.kind.stacked) pen.path(area(at.layers[i]!, at), { fill: s.color, alpha: 0.92 });
        else pen.path(outline(at.layers[i]!.high, at), { stroke: s.color, width: 2.75 });
    });
}

export function* stepsOfTime(pen: Pen, view: TimeView, at: TimeLayout = layoutTime(view)): Steps {
    axes(pen, view, at);
    yield* view.kind.stacked ? stack(pen, view, at) : lines(pen, view, at);
    doubts(pen, view, at);
    view.model.series.forEach((s, i) => {
        if (isPrevious(s.axis)) pen.path(outline(at.layers[i]!.high, at, at.previousRuns), { stroke: chartInk[view.theme].previous, width: 1.6, dash: [5, 4] });
    });
    zeroLine(pen, view, at);
}

export const paintTime = (pen: Pen, view: TimeView, at: TimeLayout = layoutTime(view)): void => finish(stepsOfTime(pen, view, at));

/** The marks for missing and incomplete time, for pictures; on screen they are elements with a pattern. */
export function paintBands(pen: Pen, view: TimeView, at: TimeLayout): void {
    const ink = chartInk[view.theme];
    const top = at.margin.top, bottom = view.height - at.margin.bottom;
    for (const band of view.model.bands) {
        if (band.kind === "loss") continue;
        const from = at.x(band.from), width = Math.max(2, at.x(band.to) - from);
        pen.within(from, top, () => {
            for (let x = -(bottom - top); x < width; x += 7) {
                pen.path(new Path().move(x, bottom - top).line(x + bottom - top, 0), { stroke: ink.axis, width: 1.5, alpha: 0.6 });
            }
        }, { width, height: bottom - top });
    }
}
