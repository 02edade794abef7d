/* Painting in steps, so that a picture of many points takes a part of several frames instead of all of one. How far a frame
 * goes is counted in work and not in time: the same picture takes the same frames on every machine. */

/** Paints as it is walked; each step says what it has cost, in points. */
export type Steps = Iterable<number>;

/** Points of one frame: about 8 ms of a slow machine. */
export const SLICE = 16_000;

/** A point of a line costs as much as four of an area, which has no joints. */
export const STROKE = 4;

/** Walks until so many points are painted; whether nothing is left. */
export function advance(steps: Iterator<number>, points: number): boolean {
    for (let done = 0; done < points; ) {
        const step = steps.next();
        if (step.done) return true;
        done += step.value;
    }
    return false;
}

/** All of it at once, for a picture that is exported. */
export function finish(steps: Steps): void {
    for (const _ of steps) void _;
}
