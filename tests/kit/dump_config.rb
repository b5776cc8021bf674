# frozen_string_literal: true

# Evaluate a lab's Vagrantfile with Vagrant's own loader, for the provider that its lab.json
# names, and print what came out as JSON. Argument: the lab's folder. No plugin is needed:
# settings of a provider that is not installed are recorded as they were set.

require "json"
require "vagrant"

# Takes any setting and remembers it.
class Recorder < Vagrant.plugin("2", :config)
  attr_reader :seen

  def initialize = @seen = Hash.new { |all, key| all[key] = {} }

  def method_missing(name, *arguments)
    return @seen[name.to_s] if arguments.empty?

    @seen[name.to_s.delete_suffix("=")] = arguments.first
  end

  def respond_to_missing?(*) = true

  def merge(other) = other
end

# Stands for the providers whose plugins are not there.
class RecordedProviders < Vagrant.plugin("2")
  name "recorded providers"
  %i[vmware_desktop libvirt].each do |provider|
    config(provider, :provider) { Recorder } unless Vagrant.plugin("2").manager.provider_configs.key?(provider)
  end
end

SETTINGS = {
  "virtualbox" => %i[name linked_clone check_guest_additions gui customizations],
  "hyperv" => %i[vmname cpus memory linked_clone enable_checkpoints ip_address_timeout
                 enable_virtualization_extensions],
  "libvirt" => %i[default_prefix cpus memory nested driver uri cpu_mode cpu_model machine_type title]
}.freeze

def provider_settings(settings, provider)
  return settings.seen if settings.is_a?(Recorder)

  SETTINGS.fetch(provider).to_h { |name| [name, settings.public_send(name)] }
end

def provisioner(found)
  shell = found.config
  { name: found.name, type: found.type, run: found.run, args: shell.args, privileged: shell.privileged,
    reboot: shell.reboot, upload_path: shell.upload_path, inline: shell.inline }
end

def machine(config, provider)
  vm = config.vm
  { hostname: vm.hostname, box: vm.box, box_version: vm.box_version, box_url: vm.box_url,
    communicator: vm.communicator, guest: vm.guest, boot_timeout: vm.boot_timeout,
    networks: vm.networks.reject { |kind, _| kind == :forwarded_port },
    synced_folders: vm.synced_folders.reject { |_, options| options[:disabled] }.keys,
    winssh: { shell: config.winssh.shell, upload_directory: config.winssh.upload_directory },
    winrm: { timeout: config.winrm.timeout, execution_time_limit: config.winrm.execution_time_limit },
    triggers: config.trigger.after_triggers.map { |trigger| trigger.name.to_s },
    provisioners: vm.provisioners.map { |found| provisioner(found) },
    provider: provider_settings(vm.get_provider_config(provider.to_sym), provider) }
end

folder = ARGV.fetch(0)
provider = JSON.parse(File.read(File.join(folder, "lab.json")))["provider"]
environment = Vagrant::Environment.new(cwd: folder, ui_class: Vagrant::UI::Silent)
found = environment.machine_names.to_h do |name|
  result = environment.vagrantfile.machine_config(name, provider.to_sym, environment.boxes, nil, false)
  [name, machine(result[:config], provider)]
end
puts JSON.generate(primary: environment.primary_machine_name, machines: found)
