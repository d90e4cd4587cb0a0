export class ConnectionManager {}
