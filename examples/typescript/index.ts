import { ArrayJobNotifier } from "@pulumi/batchbell";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const rainbow = new ArrayJobNotifier("rainbow", {
    environment: {
        name: "rainbow",
        maxVcpus: 4,
        command: ["sh", "-c", 'echo "child $AWS_BATCH_JOB_ARRAY_INDEX of the rainbow"'],
    },
    logLines: 5,
    notifiers: [
        { type: "slack", name: "team", webhook: { value: config.requireSecret("slackWebhook") } },
        { type: "sns", name: "programs", statuses: ["FAILED"] },
    ],
});

export const { jobQueueName, jobDefinitionName, functionName } = rainbow;
export const topicArn = rainbow.topicArns.apply((arns) => arns["programs"]);
