import { transportContract } from '#kit/contracts/transport.contract.js';
import { LabBroker } from '../../../test/integration/kafka-lab.js';

transportContract('Kafka by kafkajs', () => Promise.resolve(new LabBroker('eu').open('kafkajs')));
