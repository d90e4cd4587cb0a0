import { transportContract } from '#kit/contracts/transport.contract.js';
import { LabBroker } from '../../../test/integration/kafka-lab.js';

transportContract('Kafka by platformatic', () => Promise.resolve(new LabBroker('us').open('platformatic')));
