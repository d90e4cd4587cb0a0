/**
 * As much of PromQL as our rules use, read for the sake of their tests: so that a rule which Prometheus would refuse, or
 * which looks at what nobody tells, is found here. Source: Prometheus' documentation, "Querying basics" and "Operators".
 */
export interface Reading {
  /** What Prometheus would answer: a number, series at one moment, or series over a time. */
  readonly kind: 'scalar' | 'vector' | 'range';
  /** Every series that is looked at, with the labels that are asked of it. */
  readonly series: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** What series of the answer are told apart by; `undefined`: as those that it is made of. */
  readonly by: readonly string[] | undefined;
}

const aggregations: ReadonlySet<string> = new Set(['sum', 'max', 'min', 'avg', 'count']);
const functions: Readonly<Record<string, readonly Reading['kind'][]>> = {
  rate: ['range'],
  increase: ['range'],
  histogram_quantile: ['scalar', 'vector'],
};
/** From the loosest on. */
const operators = [
  ['or'],
  ['and', 'unless'],
  ['==', '!=', '<=', '>=', '<', '>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const token =
  /\s*(?:(\d+(?:\.\d+)?(?:ms|[smhd])\b)|(\d+(?:\.\d+)?)|([a-zA-Z_:][\w:]*)|("[^"]*")|(==|!=|<=|>=|=~|!~|[-+*/%()[\]{},<>=]))/y;

interface Token {
  readonly kind: 'duration' | 'number' | 'name' | 'text' | 'sign';
  readonly text: string;
}

/** Reads an expression. @throws SyntaxError */
export function readPromql(expression: string): Reading {
  const reader = new Reader(tokensOf(expression), expression);
  return reader.whole();
}

function tokensOf(expression: string): readonly Token[] {
  const kinds = ['duration', 'number', 'name', 'text', 'sign'] as const;
  const found: Token[] = [];
  token.lastIndex = 0;
  while (expression.slice(token.lastIndex).trim() !== '') {
    const at = token.lastIndex;
    const match = token.exec(expression);
    if (match === null) throw new SyntaxError(`'${expression.slice(at)}' is no PromQL`);
    const index = match.slice(1).findIndex((group) => group !== undefined);
    found.push({ kind: kinds[index] ?? 'sign', text: match[index + 1] ?? '' });
  }
  return found;
}

class Reader {
  private at = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly expression: string,
  ) {}

  whole(): Reading {
    const reading = this.binary(0);
    if (this.at < this.tokens.length) throw this.wrong('the end');
    return reading;
  }

  private binary(level: number): Reading {
    const signs = operators[level];
    if (signs === undefined) return this.operand();
    let left = this.binary(level + 1);
    while (signs.includes(this.tokens[this.at]?.text ?? '')) {
      this.at += 1;
      left = this.joined(left, this.binary(level + 1));
    }
    return left;
  }

  private joined(left: Reading, right: Reading): Reading {
    if (left.kind === 'range' || right.kind === 'range') throw this.wrong('no range');
    const series = [...left.series, ...right.series];
    if (left.kind === 'scalar') return { ...right, series };
    if (right.kind === 'scalar') return { ...left, series };
    // Series are matched by all of their labels.
    if (left.by?.toSorted().join() !== right.by?.toSorted().join())
      throw new SyntaxError(`${this.expression}: (${left.by?.join()}) never matches (${right.by?.join()})`);
    return { kind: 'vector', by: left.by, series };
  }

  private operand(): Reading {
    const next = this.tokens[this.at];
    if (next?.text === '(') return this.within('(', ')', () => this.binary(0));
    this.at += 1;
    if (next?.kind === 'number') return { kind: 'scalar', series: [], by: [] };
    if (next?.kind !== 'name') throw this.wrong('an operand');
    if (aggregations.has(next.text)) return this.aggregation();
    const kinds = Object.hasOwn(functions, next.text) ? functions[next.text] : undefined;
    return kinds === undefined ? this.selector(next.text) : this.call(next.text, kinds);
  }

  private aggregation(): Reading {
    this.take('by');
    const by = this.within('(', ')', () => this.listOf(() => this.name()));
    const { kind, series } = this.within('(', ')', () => this.binary(0));
    if (kind !== 'vector') throw this.wrong('series to aggregate');
    return { kind, by, series: series.map(({ name, labels }) => ({ name, labels: [...labels, ...by] })) };
  }

  private call(name: string, kinds: readonly Reading['kind'][]): Reading {
    const given = this.within('(', ')', () => this.listOf(() => this.binary(0)));
    if (given.map(({ kind }) => kind).join() !== kinds.join())
      throw new SyntaxError(`${this.expression}: ${name} takes (${kinds.join()})`);
    const by = given.at(-1)?.by;
    if (name === 'histogram_quantile' && by?.includes('le') !== true)
      throw new SyntaxError(`${this.expression}: histogram_quantile needs the label le`);
    const series = given.flatMap((one) => one.series);
    return { kind: 'vector', by: by?.filter((label) => label !== 'le'), series };
  }

  private selector(name: string): Reading {
    const isNext = (sign: string): boolean => this.tokens[this.at]?.text === sign;
    const labels = isNext('{') ? this.within('{', '}', () => this.listOf(() => this.matcher())) : [];
    const series = [{ name, labels }];
    if (!isNext('[')) return { kind: 'vector', by: undefined, series };
    this.within('[', ']', () => {
      if (this.tokens[this.at]?.kind !== 'duration') throw this.wrong('a duration');
      this.at += 1;
    });
    return { kind: 'range', by: undefined, series };
  }

  private matcher(): string {
    const label = this.name();
    const sign = this.tokens[this.at];
    if (!['=', '!=', '=~', '!~'].includes(sign?.text ?? '')) throw this.wrong('a matcher');
    if (this.tokens[this.at + 1]?.kind !== 'text') throw this.wrong('a text');
    this.at += 2;
    return label;
  }

  private name(): string {
    const next = this.tokens[this.at];
    if (next?.kind !== 'name') throw this.wrong('a name');
    this.at += 1;
    return next.text;
  }

  private listOf<T>(one: () => T): readonly T[] {
    const all = [one()];
    while (this.tokens[this.at]?.text === ',') {
      this.at += 1;
      all.push(one());
    }
    return all;
  }

  private within<T>(open: string, close: string, read: () => T): T {
    this.take(open);
    const inner = read();
    this.take(close);
    return inner;
  }

  private take(text: string): void {
    if (this.tokens[this.at]?.text !== text) throw this.wrong(`'${text}'`);
    this.at += 1;
  }

  private wrong(wanted: string): SyntaxError {
    const found = this.tokens[this.at]?.text ?? 'the end';
    return new SyntaxError(`${this.expression}: expected ${wanted}, found ${found}`);
  }
}
