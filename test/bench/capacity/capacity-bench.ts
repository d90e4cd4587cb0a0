import type { Bench } from '../bench.js';
import { costRow } from '../cost-card.js';
import { latencyCells } from '../figures.js';
import { lagText } from '../lag/lag-slice.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { whyVoid } from '../load/open-loop.js';
import { shardsDefault } from '../region/start-loaded.js';
import { capacityForItself, capacityPlans, capacityText, lagP99MillisMax, type Trial } from './capacity.js';

/** What the benches that load a region at a part of its capacity take parts of: a row of its own, measured once per run. */
export const capacityBench: Bench = {
  name: 'capacity',
  async run(context) {
    const { seconds, confirmations: tries } = capacityPlans[context.scale];
    const capacity = await capacityForItself(context);
    const { perSecond, confirmed, trials, confirmations } = capacity;
    const rowOf = ({ slice, ...order }: Trial) => ({
      side: `${order.perSecond.toFixed(0)}/s for ${order.seconds} s`,
      cells: {
        ...latencyCells([slice.lagMillis]),
        'refused or missing': String(slice.failures + slice.missing),
        'generator us': slice.generatorMicros.toFixed(0),
      },
    });
    const last = confirmations.at(-1);
    return {
      name: 'capacity',
      title: `the highest open-loop rate in one region, three on, at which the lag's p99 stays below ${lagP99MillisMax} ms for ${seconds} s: ${perSecond.toFixed(0)} writes/s`,
      rows: [...trials, ...confirmations].map(rowOf),
      costs: confirmations.map((trial) =>
        costRow(`Atoll, the writing region, ${trial.perSecond.toFixed(0)}/s`, [trial.slice.card]),
      ),
      targets: [
        {
          what: `a rate that is kept up with for ${seconds} s was found`,
          wanted: `within ${tries} tries`,
          measured:
            last === undefined
              ? 'not looked for'
              : `${last.perSecond.toFixed(0)}/s: p99 ${last.slice.lagMillis.p99.toFixed(0)} ms`,
          reached: confirmed,
        },
      ],
      configuration: {
        Atoll: `three regions, one process each, ${shardsDefault} shards, all limits as by default, ${context.driver}; ${writeLoadDefault.bodyBytes}-byte bodies, ${writeLoadDefault.entities} entities, Zipf ${writeLoadDefault.zipfExponent}; ${lagText}`,
        capacity: capacityText(capacity),
      },
      voidBecause: confirmations
        .filter(({ kept }) => kept)
        .map(({ slice }) => whyVoid('Atoll', slice.generator))
        .filter((reason) => reason !== undefined),
      figures: capacity,
    };
  },
};
