import { AtollError } from '#core/errors.js';
import type { Clock } from '../ports/clock.js';
import { PeerUnavailable, type Peers } from '../ports/peers.js';
import type { Hashing } from '../ports/record-auth.js';
import { decodeAnswer, encodeQuestion, type Answer, type Question } from './messages.js';

/** Asks other regions about a strong shard, one or all of them. */
export class Questions {
  constructor(
    private readonly parts: { readonly peers: Peers; readonly hashing: Hashing; readonly clock: Clock },
  ) {}

  /** @throws PeerUnavailable, AtollError what the region refused with */
  async one<K extends Answer['kind']>(
    region: string,
    question: Question,
    expected: { readonly kind: K; readonly millisMax: number },
  ): Promise<Extract<Answer, { readonly kind: K }>> {
    const { peers, hashing } = this.parts;
    const payload = await peers.ask(region, encodeQuestion(question, hashing), expected.millisMax);
    const answer = decodeAnswer(payload, hashing);
    if (answer.kind !== expected.kind)
      throw new PeerUnavailable(`${region} answered something else than was asked`);
    return answer as Extract<Answer, { readonly kind: K }>;
  }

  /**
   * Asks every other region at once. Resolves when `isEnough` says so after an answer, or when all have answered or failed.
   */
  all<K extends Answer['kind']>(
    question: Question,
    expected: { readonly kind: K; readonly millisMax: number },
    heard: (region: string, answer: Extract<Answer, { readonly kind: K }>) => boolean,
  ): Promise<void> {
    const { regions } = this.parts.peers;
    return new Promise((resolve, reject) => {
      let open = regions.length;
      if (open === 0) resolve();
      const ask = async (region: string): Promise<void> => {
        try {
          if (heard(region, await this.one(region, question, expected))) resolve();
        } catch (error) {
          if (!(error instanceof PeerUnavailable) && !(error instanceof AtollError)) throw error;
        }
        open -= 1;
        if (open === 0) resolve();
      };
      for (const region of regions) ask(region).catch(reject);
    });
  }
}
