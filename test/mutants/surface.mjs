/** Planted bugs in what operators and clients touch. */
const unit = (file, test) => ({ project: 'unit', file, test });

export const surfaceMutants = [
  {
    name: 'surface: a dry run of a handover hands over',
    rule: 'surface',
    file: 'apps/region/api/strong.ts',
    find: 'if (dryRun) return planHandover(shard, to);',
    replace: 'if (dryRun && shard < 0) return planHandover(shard, to);',
    caughtBy: unit('apps/region/http/strong.spec.ts', 'is written, read and compared in any region'),
  },
  {
    name: 'surface: nothing is audited before it is done',
    rule: 'surface',
    file: 'apps/region/api/audit.ts',
    find: 'if (!asked.dryRun) audit({',
    replace: 'if (asked.dryRun) audit({',
    caughtBy: unit('apps/region/http/access.spec.ts', 'names in the audit'),
  },
  {
    name: 'surface: every page of conflicts begins with the newest',
    rule: 'surface',
    file: 'apps/region/api/reports.ts',
    find: '...(after === undefined ? {} : { after: readPlace(after) }),',
    replace: '...(after === undefined || readPlace(after).id !== "" ? {} : { after: readPlace(after) }),',
    caughtBy: unit('apps/cli/commands/commands.spec.ts', 'begins with the newest, and goes on'),
  },
  {
    name: 'surface: nobody asks who vouches for a broker',
    rule: 'surface',
    file: 'libs/io/kafka/cluster.ts',
    find: '...(ca === undefined ? {} : { ca: [ca] }),',
    replace: '...(ca === undefined ? { rejectUnauthorized: false } : { ca: [ca] }),',
    caughtBy: unit('libs/io/kafka/security.spec.ts', 'is told nothing where nobody vouches for it'),
  },
  {
    name: 'surface: what a request held is kept when it is over',
    rule: 'INV-15',
    file: 'libs/flow/accept/admission.ts',
    find: 'this.bytes -= held;',
    replace: 'this.bytes -= held < 0 ? held : 0;',
    caughtBy: unit('libs/flow/accept/admission.spec.ts', 'holds the bytes of a body as they come'),
  },
  {
    name: 'surface: writes are let in that could not be queued',
    rule: 'INV-15',
    file: 'libs/core/admission/admit.ts',
    find: "return kind === 'write' && !queueHasRoom",
    replace: "return kind === 'operate' && !queueHasRoom",
    caughtBy: unit('libs/core/admission/admit.spec.ts', 'could not be queued'),
  },
  {
    name: 'surface: a queue that stands grows until its commands are too late',
    rule: 'INV-15',
    file: 'libs/flow/accept/intake.ts',
    find: 'this.standing.took(commands, waitedMillisMin, now);',
    replace: 'this.standing.took(commands, 0 * waitedMillisMin, now);',
    caughtBy: unit('libs/flow/accept/intake.spec.ts', 'wait much longer than a second'),
  },
  {
    name: 'surface: a call that is refused at the door has no code',
    rule: 'INV-15',
    file: 'apps/region/grpc/admitting.ts',
    find: 'call.sendStatus(grpcStatusOf(error, region, randomUUID()));',
    replace: 'call.sendStatus({ ...grpcStatusOf(error, region, randomUUID()), metadata: null });',
    caughtBy: unit('apps/region/grpc/atoll.spec.ts', 'says so with a code and when to come back'),
  },
];
