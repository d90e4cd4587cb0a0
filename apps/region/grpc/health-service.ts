import type {
  sendUnaryData,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';

interface HealthRequest {
  readonly service: string;
}

type Serving = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

interface HealthResponse {
  readonly status: Serving;
}

/** How often a watcher learns of a change: load balancers ask every few seconds themselves. */
const watchMillis = 1_000;

/**
 * grpc.health.v1 for the whole process ('') and the services named: serving while the region is ready.
 *
 * Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function healthService(
  services: readonly string[],
  isReady: () => Promise<boolean>,
): UntypedServiceImplementation {
  const statusOf = async (service: string): Promise<Serving> => {
    if (service !== '' && !services.includes(service)) return 'SERVICE_UNKNOWN';
    return (await isReady().catch(() => false)) ? 'SERVING' : 'NOT_SERVING';
  };
  return {
    check(call: ServerUnaryCall<HealthRequest, HealthResponse>, callback: sendUnaryData<HealthResponse>) {
      void statusOf(call.request.service).then((serving) => {
        if (serving !== 'SERVICE_UNKNOWN') callback(null, { status: serving });
        else callback({ code: status.NOT_FOUND, details: `there is no service ${call.request.service}` });
      });
    },
    watch(call: ServerWritableStream<HealthRequest, HealthResponse>) {
      let told: Serving | undefined;
      const tell = async (): Promise<void> => {
        const serving = await statusOf(call.request.service);
        if (serving === told || call.cancelled) return;
        told = serving;
        call.write({ status: serving });
      };
      const timer = setInterval(() => void tell(), watchMillis);
      call.on('cancelled', () => clearInterval(timer)).on('close', () => clearInterval(timer));
      void tell();
    },
  };
}
