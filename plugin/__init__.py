"""The Pulumi plug-in: ArrayJobNotifier for programs in every language that Pulumi knows."""
